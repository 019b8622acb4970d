import { readFileSync } from 'node:fs';
import type { LabelLists, Predictions } from '../../src/evaluate/index.ts';

interface GoldenCase {
  readonly name: string;
  readonly task: Exclude<Predictions['task'], 'token-classification'>;
  readonly width: number;
  readonly outputs: readonly number[];
  readonly labels: readonly number[];
  readonly lists: readonly (readonly number[])[];
  readonly targets: readonly number[];
  readonly figures: Readonly<Record<string, number>>;
  readonly confusion?: readonly (readonly number[])[];
}

interface GoldenBootstrap {
  readonly case: string;
  readonly resamples: number;
  /** Each draw is one of so many groups. */
  readonly of: number;
  readonly draws: readonly number[];
  readonly groups?: readonly number[];
  readonly intervals: Readonly<Record<string, readonly [number, number]>>;
}

export const golden = JSON.parse(
  readFileSync(new URL('../golden/metrics.json', import.meta.url), 'utf8'),
) as {
  readonly cases: readonly GoldenCase[];
  readonly bootstraps: readonly GoldenBootstrap[];
};

export const namesOf = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `label ${i}`);

export function listsOf(lists: readonly (readonly number[])[]): LabelLists {
  const offsets = new Uint32Array(lists.length + 1);
  for (const [r, list] of lists.entries()) offsets[r + 1] = offsets[r]! + list.length;
  return { offsets, codes: Int32Array.from(lists.flat()) };
}

export function predictionsOf(given: GoldenCase): Predictions {
  const { task, width } = given;
  const outputs = Float32Array.from(given.outputs);
  switch (task) {
    case 'single-label':
      return { task, outputs, labelNames: namesOf(width), labels: Int32Array.from(given.labels) };
    case 'multi-label':
      return { task, outputs, labelNames: namesOf(width), labels: listsOf(given.lists) };
    case 'generation':
      return { task, outputs, labels: Uint32Array.from(given.labels) };
    default:
      return { task, outputs, labels: Float64Array.from(given.targets) };
  }
}

/** Predictions of two labels, right with the given probability, their margins uncertain. */
export function coinPredictions(records: number, accuracy: number, rng: { uniform(): number }) {
  const labels = Int32Array.from({ length: records }, () => (rng.uniform() < 0.5 ? 0 : 1));
  const outputs = new Float32Array(2 * records);
  for (const [r, label] of labels.entries()) {
    outputs[2 * r + (rng.uniform() < accuracy ? label : 1 - label)] = 0.1 + rng.uniform();
  }
  return { task: 'single-label' as const, outputs, labels, labelNames: ['no', 'yes'] };
}
