import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeLengths } from './lengths.ts';
import { compare, findPython, ours, printTable, theirs } from './subjects.ts';

const BATCH = 512;

/**
 * Whole private steps on records of real lengths: Poisson sample, gradients, noise, AdamW. Every step of an epoch costs
 * the same on average, so that the ratio is that of whole epochs. Opacus pads each physical batch of 64 to its longest.
 */
export async function step(rounds: number): Promise<void> {
  const python = findPython();
  const directory = mkdtempSync(join(tmpdir(), 'dptune-bench-'));
  try {
    const lengths = join(directory, 'lengths.jsonl');
    const described = await writeLengths(lengths);
    for (const method of ['full', 'lora'] as const) {
      const options = { work: 'step', method, batch: BATCH, lengths };
      const measured = await compare(
        [
          ours('private', options),
          ours('not private', { ...options, mode: 'plain' }),
          ...(python === undefined
            ? []
            : ['hooks', 'ghost'].map((mode) => theirs(python, `opacus ${mode}`, { ...options, mode }))),
        ],
        rounds,
      );
      printTable(`step, ${method}, ${BATCH} of ${described}`, measured);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}
