import type { Check } from './checks.ts';

interface WrittenStage {
  readonly name?: unknown;
  readonly task?: unknown;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly train?: Readonly<Record<string, unknown>>;
}

/** Of `train` what continued pretraining makes use of. */
const used = ['batchSize', 'steps', 'epochs', 'learningRate'];

/** Rules on trainings with public data before the job. */
export const STAGE_CHECKS: readonly Check[] = [
  {
    paths: ['stages'],
    problem: (_, written) => {
      const stages = written('stages');
      if (!Array.isArray(stages)) return undefined;
      return (stages as readonly WrittenStage[])
        .map((stage) => (stage.task === 'pretraining' ? pretrainingProblem(stage) : undefined))
        .find((problem) => problem !== undefined);
    },
  },
];

function pretrainingProblem({ name, data = {}, train = {} }: WrittenStage): string | undefined {
  const stage = `stage ${String(name)}: task=pretraining`;
  const columns = Object.keys(data['columns'] ?? {}).filter((column) => column !== 'text');
  const idle = [
    ...Object.keys(train)
      .filter((key) => !used.includes(key))
      .map((key) => `train.${key}`),
    ...columns.map((column) => `data.columns.${column}`),
    ...('labels' in data ? ['data.labels'] : []),
  ];
  if (idle.length > 0) return `${stage} makes no use of ${idle.join(', ')}; remove it`;
  return typeof train['steps'] === 'number' && typeof train['epochs'] === 'number'
    ? `${stage} has both train.steps and train.epochs; remove one`
    : undefined;
}
