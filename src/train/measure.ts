import { InvalidParameterError, reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { lengthOf, type TokenStore } from '../data/index.ts';
import {
  evaluatePredictions,
  majorityMetrics,
  slicedMetrics,
  type Metrics,
  TEXTS,
  type Truth,
} from '../evaluate/index.ts';

/** Figures of one model on one store; the chosen ones where the job chooses. */
export type Measured = Readonly<Record<string, unknown>>;

/** The right answers of a store. */
function truthOf(store: TokenStore): Truth {
  const { labels } = store;
  switch (labels.task) {
    case 'single-label':
      return { task: labels.task, labelNames: labels.names.names, labels: labels.codes };
    case 'multi-label':
      return { task: labels.task, labelNames: labels.names.names, labels };
    case 'regression':
      return { task: labels.task, labels: labels.values };
    case 'token-classification':
      return { task: labels.task, labelNames: labels.names.names, labels };
    case 'generation':
      return {
        task: labels.task,
        labels: labels.starts.map((start, record) => lengthOf(store, record) - start),
      };
    case 'unlabelled':
      break;
  }
  throw new InvalidParameterError('labels: the data has none. Name their column in data.columns.label.');
}

function optionsOf({ evaluate, seed }: Config) {
  return { bootstrap: evaluate.bootstrap, rng: reproducibleRng(seed).fork('bootstrap') };
}

/** @param logits - the model's outputs, as `logitsOf` gives them */
export function measure(store: TokenStore, logits: Float32Array, config: Config): Measured {
  const predictions = { ...truthOf(store), outputs: logits };
  const options = optionsOf(config);
  const slices = Object.fromEntries(
    store.slices.map((slice) => [slice.column, slicedMetrics(predictions, slice, options)]),
  );
  const metrics = chosen(evaluatePredictions(predictions, options), config);
  return store.slices.length > 0 ? { ...metrics, slices } : metrics;
}

/**
 * Figures of always answering the test set's own most frequent label: what any model must beat. The training labels are
 * not read for it.
 */
export function majority(test: TokenStore, config: Config): Measured {
  const truth = truthOf(test);
  return chosen(majorityMetrics(truth, truth, optionsOf(config)), config);
}

function chosen(metrics: Metrics, { evaluate, task }: Config): Measured {
  const wanted = evaluate.metrics;
  if (wanted === 'auto') return metrics;
  const figures: Record<string, unknown> = { ...metrics };
  const known = [...namesOf(figures), ...(task === 'generation' ? TEXTS : [])];
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidParameterError(
      `evaluate.metrics=${unknown}: must be of ${known.join(', ')} for this task.`,
    );
  }
  return picked(figures, metrics, wanted);
}

const besideFigures = ['records', 'intervals', 'reasons'];

function namesOf(metrics: object): string[] {
  return Object.keys(metrics).filter((name) => !besideFigures.includes(name));
}

/** Figures of written texts that the job asks for; all but `coverage` where it does not say, which is for prompts of concepts. */
export function chosenTexts(
  metrics: Pick<Metrics, 'records' | 'intervals' | 'reasons'>,
  { evaluate: { metrics: wanted } }: Config,
): Measured {
  const names = wanted === 'auto' ? namesOf(metrics).filter((name) => name !== 'coverage') : wanted;
  return picked({ ...metrics }, metrics, names);
}

function picked(
  figures: Readonly<Record<string, unknown>>,
  metrics: Pick<Metrics, 'intervals' | 'reasons'>,
  wanted: readonly string[],
): Measured {
  const kept = ['records', ...wanted.filter((name) => name in figures)];
  return {
    ...Object.fromEntries(kept.map((name) => [name, figures[name]])),
    intervals: Object.fromEntries(Object.entries(metrics.intervals).filter(([name]) => kept.includes(name))),
    reasons: metrics.reasons,
  };
}

/** Figures of which less is better. */
const losses = new Set(['loss', 'mse', 'ece', 'perplexity']);

/**
 * Figures on public validation data, and one number to compare states of a model by, larger is better: the metric that
 * early stopping names, or the loss.
 */
export function scored(
  store: TokenStore,
  logits: Float32Array,
  config: Config,
): { readonly metrics: Record<string, unknown>; readonly score: number } {
  const metrics: Record<string, unknown> = {
    ...evaluatePredictions({ ...truthOf(store), outputs: logits }, { ...optionsOf(config), bootstrap: 0 }),
  };
  const asked = config.train.earlyStopping?.metric ?? 'auto';
  const name = asked === 'auto' ? (metrics['loss'] === undefined ? 'mse' : 'loss') : asked;
  const value = metrics[name];
  if (value === null) return { metrics, score: -Infinity };
  if (typeof value !== 'number') {
    throw new InvalidParameterError(`train.earlyStopping.metric=${name}: is no metric of this task.`);
  }
  return { metrics, score: losses.has(name) ? -value : value };
}

const shown = [
  'f1',
  'precision',
  'recall',
  'tokenAccuracy',
  'accuracy',
  'balancedAccuracy',
  'macroF1',
  'microF1',
  'mcc',
  'auroc',
  'pearson',
  'spearman',
  'perplexity',
  'bleu',
  'rougeL',
  'cider',
  'mse',
  'loss',
];

/** A row of the table that people see, or nothing for what is not a model's figures. */
export function summaryRow(
  name: string,
  values: unknown,
): Record<string, string | number | null> | undefined {
  const figures = (values ?? {}) as Record<string, unknown>;
  if (typeof figures['records'] !== 'number') return undefined;
  const intervals = figures['intervals'] as Record<string, readonly [number, number]>;
  const present = shown.filter((figure) => figure in figures).slice(0, 5);
  const cells = present.map((figure) => {
    const value = figures[figure];
    const interval = intervals[figure];
    if (typeof value !== 'number') return [figure, null];
    return [
      figure,
      interval && figure === present[0]
        ? `${value.toFixed(3)} (${interval.map((end) => end.toFixed(3)).join('-')})`
        : value.toFixed(3),
    ];
  });
  return { model: name, ...Object.fromEntries(cells) } as Record<string, string | number | null>;
}

/** Figures of losses and of written texts together; `texts` says how many of these there are. */
export function withTexts(figures: Measured, texts: Measured | undefined): Measured {
  if (texts === undefined) return figures;
  const { records, intervals, reasons, ...rest } = texts as Measured & { intervals: object; reasons: object };
  const own = figures as { intervals: object; reasons: object };
  return {
    ...figures,
    ...rest,
    texts: records,
    intervals: { ...own.intervals, ...intervals },
    reasons: { ...own.reasons, ...reasons },
  };
}
