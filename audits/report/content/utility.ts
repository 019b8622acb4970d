import type { Evidence } from '../evidence.ts';
import { missing } from '../schema-node.ts';
import type { Utility } from '../schema-utility.ts';

type Model = Utility['models'][number];
type Measured = Pick<Model, 'records' | 'figures'>;

/** Names in metrics.json, in the order of the report. */
const roles: Readonly<Record<string, Model['role']>> = {
  private: 'released',
  nonPrivate: 'released',
  frozen: 'baseline',
  untrained: 'baseline',
  majority: 'baseline',
  validation: 'validation',
};

/** Metrics by importance: the first that is there is shown first. */
const primaries = [
  'f1',
  'accuracy',
  'macroF1',
  'microF1',
  'pearson',
  'perplexity',
  'balancedAccuracy',
  'mcc',
  'auroc',
  'spearman',
  'mse',
  'loss',
] as const;

export function utilityOf({ metrics, job }: Evidence): Utility {
  const models = Object.keys(roles).flatMap((name) => {
    const found = metrics[name];
    return isMeasured(found) ? [modelOf(name, found)] : [];
  });
  const released = models.find(({ role }) => role === 'released');
  const primary = primaries.find((name) =>
    released?.figures.some(({ metric, value }) => metric === name && typeof value === 'number'),
  );
  return {
    primary: primary ?? missing(released ? 'no figure is defined' : 'no test data was given'),
    models,
    nonPrivate: missing(
      job.nonPrivateTwin
        ? 'the non-private twin was trained on the private data without noise: its figures stay in private/'
        : 'no non-private twin was trained',
    ),
    retention: retentionOf(metrics['retention']),
    caveat:
      'Measured on held-out data without noise. If that data is private, publishing these figures is outside of the guarantee above.',
  };
}

type Figures = Readonly<Record<string, unknown>>;

function isMeasured(value: unknown): value is Figures {
  return typeof value === 'object' && value !== null && typeof (value as Figures)['records'] === 'number';
}

function modelOf(name: string, found: Figures): Model {
  const columns = (found['slices'] ?? {}) as Readonly<Record<string, Readonly<Record<string, Figures>>>>;
  return {
    name,
    role: roles[name]!,
    ...measuredOf(found),
    slices: Object.fromEntries(
      Object.entries(columns).map(([column, values]) => [
        column,
        Object.entries(values).map(([value, figures]) => ({ name: value, ...measuredOf(figures) })),
      ]),
    ),
  };
}

const notFigures = ['records', 'intervals', 'reasons', 'slices', 'confusion', 'kinds'];

function measuredOf(found: Figures): Measured {
  const names = Object.keys(found).filter((name) => !notFigures.includes(name) && isFigure(found[name]));
  return {
    records: found['records'] as number,
    figures: [...names.map((metric) => figureOf(metric, found)), ...kindsOf(found)],
  };
}

function figureOf(metric: string, found: Figures): Measured['figures'][number] {
  const intervals = (found['intervals'] ?? {}) as Readonly<Record<string, readonly [number, number]>>;
  const reasons = (found['reasons'] ?? {}) as Readonly<Record<string, string>>;
  const [value, ends] = [found[metric], intervals[metric]];
  return {
    metric,
    value: typeof value === 'number' ? value : missing(reasons[metric] ?? 'undefined here'),
    interval: ends
      ? { lower: ends[0], upper: ends[1] }
      : missing(reasons[`intervals.${metric}`] ?? reasons[metric] ?? 'no resamples were asked for'),
  };
}

/** F1 of each kind of entity; its interval and its reasons stand among those of the other figures. */
function kindsOf({ kinds, ...found }: Figures): Measured['figures'] {
  const named = (kinds ?? {}) as Readonly<Record<string, { readonly f1: number }>>;
  return Object.entries(named).map(([kind, { f1 }]) =>
    figureOf(`f1 of ${kind}`, { ...found, [`f1 of ${kind}`]: f1 }),
  );
}

function isFigure(value: unknown): boolean {
  return typeof value === 'number' || value === null;
}

function retentionOf(value: unknown): Utility['retention'] {
  const { before, after, reason } = (value ?? {}) as Partial<Record<'before' | 'after' | 'reason', unknown>>;
  if (typeof before === 'number' && typeof after === 'number') return { before, after };
  return missing(typeof reason === 'string' ? reason : 'no public text was given in evaluate.retention');
}
