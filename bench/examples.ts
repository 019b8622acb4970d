/**
 * The figures in the examples' READMEs: trains each example as its job file says, and without privacy, one run at a time, and
 * prints the rows of its table.
 *
 *   npm run build && npx tsx bench/examples.ts DIRECTORY [EXAMPLE ...] [-- -s key=value ...]
 *
 * DIRECTORY takes the runs; a run that is finished there is not trained again. What follows `--` goes to every `dptune train`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const lora = ['-s', 'train.method=lora'];
const open = ['--non-private'];
/** What an example trains beside its job as it stands; encoders have their twin without privacy in the job itself. */
const variants: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'medical-dialogues': { private: [] },
  overruling: { private: [] },
  'contract-clauses': { private: [] },
  'spanish-tweets': { private: [] },
  commongen: {
    'private, all weights': [],
    'private, LoRA': lora,
    'not private, all weights': open,
    'not private, LoRA': [...open, ...lora],
  },
  e2e: {
    'private, all weights': [],
    'private, LoRA': lora,
    'not private, all weights': open,
    'not private, LoRA': [...open, ...lora],
  },
};
const columns = [
  'accuracy',
  'macroF1',
  'microF1',
  'perplexity',
  'bleu',
  'rougeL',
  'cider',
  'coverage',
] as const;

interface Figures extends Readonly<Record<string, unknown>> {
  readonly intervals: Readonly<Record<string, readonly [number, number]>>;
}

const all = process.argv.slice(2);
const own = all.includes('--') ? all.slice(0, all.indexOf('--')) : all;
const extra = all.slice(own.length + 1);
const [directory, ...named] = own;
if (directory === undefined) throw new Error('directory: missing. Name one for the runs.');
const unknown = named.find((name) => !(name in variants));
if (unknown !== undefined)
  throw new Error(`example=${unknown}: must be of ${Object.keys(variants).join(', ')}`);
mkdirSync(directory, { recursive: true });

for (const example of named.length > 0 ? named : Object.keys(variants)) {
  console.log(`\n${example}\n`);
  for (const [variant, settings] of Object.entries(variants[example]!)) {
    const out = join(directory, `${example} ${variant}`.replaceAll(/\W+/g, '-'));
    const seconds = existsSync(join(out, 'release', 'report.json'))
      ? undefined
      : train(example, out, settings);
    for (const [model, figures] of rowsIn(out)) console.log(rowOf(model, variant, figures, seconds));
  }
}

/** @returns seconds from start to report */
function train(example: string, out: string, settings: readonly string[]): number {
  const started = performance.now();
  const args = [
    'dist/src/cli.js',
    'train',
    `examples/${example}/job.yaml`,
    '--out',
    out,
    ...settings,
    ...extra,
  ];
  const { status, stderr } = spawnSync('node', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${example}: dptune train exited with ${status}\n${stderr.slice(-2000)}`);
  return (performance.now() - started) / 1000;
}

function rowsIn(out: string): [string, Figures][] {
  const comparison = join(out, 'private', 'comparison.json');
  const found = {
    ...jsonIn(join(out, 'release', 'metrics.json')),
    ...(existsSync(comparison) ? jsonIn(comparison) : {}),
  };
  return Object.entries(found).filter((entry): entry is [string, Figures] => {
    const [, figures] = entry;
    return typeof figures === 'object' && figures !== null && 'intervals' in figures;
  });
}

function jsonIn(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

function rowOf(model: string, variant: string, figures: Figures, seconds: number | undefined): string {
  const cells = columns.flatMap((name) => {
    const value = figures[name];
    if (typeof value !== 'number') return [];
    const interval = figures.intervals[name];
    return `${name} ${value.toFixed(3)}${interval ? ` (${interval.map((end) => end.toFixed(3)).join('-')})` : ''}`;
  });
  const time = seconds === undefined ? '' : ` | ${seconds.toFixed(0)} s`;
  return `| ${model === 'private' || model === 'nonPrivate' ? variant : model} | ${cells.join(' | ')}${time} |`;
}
