import { plainGradient } from '../src/graph/index.ts';
import { benchEncoder, productFlops } from './encoder.ts';
import type { Method } from './encoder.ts';
import { compare, findPython, ours, printTable, theirs } from './subjects.ts';

const RECORDS = 16;
const PRODUCT_ROWS = 2048;

/**
 * The private gradient (forward, backward, clipping) of a 6-layer, 384-wide encoder: against the same without privacy,
 * against Opacus, and against the machine's matrix product.
 */
export async function gradient(rounds: number): Promise<void> {
  const python = findPython();
  if (python === undefined)
    console.log('No Python with opacus, peft and transformers (DPTUNE_PYTHON): ours alone.');
  for (const method of ['full', 'lora'] as const) {
    for (const tokens of [128, 32]) await compareGradients(method, tokens, rounds, python);
  }
}

async function compareGradients(
  method: Method,
  tokens: number,
  rounds: number,
  python: string | undefined,
): Promise<void> {
  const shape = { method, records: RECORDS, tokens };
  const modes = ['hooks', 'ghost', 'plain'] as const;
  const measured = await compare(
    [
      ours('private', shape),
      ours('not private', { ...shape, mode: 'plain' }),
      ours('matrix product', { work: 'product', rows: PRODUCT_ROWS }),
      ...(python === undefined
        ? []
        : modes.map((mode) =>
            theirs(python, mode === 'plain' ? 'torch, not private' : `opacus ${mode}`, { ...shape, mode }),
          )),
    ],
    rounds,
  );
  const [own, , product] = measured;
  printTable(`gradient, ${method}, ${RECORDS} records of ${tokens} tokens`, measured);
  // Only what the gradient needs without privacy counts as achieved.
  const { graph } = plainGradient(benchEncoder('standard', method).request);
  const achieved = productFlops(graph, { records: RECORDS, tokens }) / own!.seconds / 1e9;
  const peak = (2 * PRODUCT_ROWS ** 3) / product!.seconds / 1e9;
  console.log(
    `  ${achieved.toFixed(0)} of ${peak.toFixed(0)} GFLOP/s (${((100 * achieved) / peak).toFixed(0)} %)`,
  );
}
