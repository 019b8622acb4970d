/**
 * Benchmarks. Each prints ratios, of medians of interleaved runs in separate processes: compare ratios, not seconds.
 *
 *     npm run bench [-- gradient step noise-share engines] [-- --rounds 5]
 *
 * Comparisons with Opacus need a Python with torch, opacus, transformers and peft: DPTUNE_PYTHON, or else python3.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { engines } from './engines.ts';
import { gradient } from './gradient.ts';
import { noiseShare } from './noise-share.ts';
import { step } from './step.ts';

/** Each with its default number of rounds. */
const benchmarks = new Map<string, readonly [(rounds: number) => Promise<void>, number]>([
  ['gradient', [gradient, 5]],
  ['step', [step, 3]],
  ['noise-share', [noiseShare, 2]],
  ['engines', [engines, 5]],
]);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' } },
});
const unknown = positionals.find((name) => !benchmarks.has(name));
if (unknown !== undefined)
  throw new Error(`benchmark=${unknown}: must be one of ${[...benchmarks.keys()].join(', ')}`);

console.log(
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} logical cores, node ${process.version}`,
);
for (const [name, [run, rounds]] of benchmarks) {
  if (positionals.length === 0 || positionals.includes(name)) await run(Number(values.rounds ?? rounds));
}
