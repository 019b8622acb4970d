import { InvalidParameterError } from '../../privacy/index.ts';
import { bootstrapIntervals, type Interval, type Rng } from './bootstrap.ts';
import { allUndefined, type Measure } from './figure.ts';
import { LANGUAGE, measureLanguage } from './language.ts';
import { measureMultiLabel, MULTI_LABEL } from './multi-label.ts';
import {
  checkPredictions,
  recordsOf,
  selectRecords,
  type Predictions,
  type PredictionsOf,
} from './predictions.ts';
import { measureRegression, REGRESSION } from './regression.ts';
import { confusionOf, measureSingleLabel, SINGLE_LABEL, type Confusion } from './single-label.ts';
import type { EntityFigures } from './text-entities.ts';
import {
  kindF1,
  kindFigures,
  measureTokenClassification,
  TOKEN_CLASSIFICATION,
} from './token-classification.ts';

/** Figures by name, each with its interval or the reason why it has none. */
export type Measured<Name extends string> = Readonly<Record<Name, number | null>> & {
  readonly records: number;
  /** 95 % bootstrap intervals of the figures that have one. */
  readonly intervals: Readonly<Record<string, Interval>>;
  /** Why a figure is null, by its name, or has no interval, by `intervals.` and its name. */
  readonly reasons: Readonly<Record<string, string>>;
};

export type SingleLabelMetrics = Measured<(typeof SINGLE_LABEL)[number]> & {
  readonly confusion: Confusion | null;
};
type MultiLabelMetrics = Measured<(typeof MULTI_LABEL)[number]>;
type RegressionMetrics = Measured<(typeof REGRESSION)[number]>;
type TokenMetrics = Measured<(typeof TOKEN_CLASSIFICATION)[number]> & {
  /** Of each kind of entity, by its name; the interval of its F1 is that of `f1 of` the name. */
  readonly kinds: Readonly<Record<string, EntityFigures>> | null;
};
type LanguageMetrics = Measured<(typeof LANGUAGE)[number]>;

/** Figures of predictions; plain JSON. A figure that is undefined is null, and `reasons` says why. */
export type Metrics =
  SingleLabelMetrics | MultiLabelMetrics | RegressionMetrics | TokenMetrics | LanguageMetrics;

interface MetricsOf {
  readonly 'single-label': SingleLabelMetrics;
  readonly 'multi-label': MultiLabelMetrics;
  readonly regression: RegressionMetrics;
  readonly 'token-classification': TokenMetrics;
  readonly generation: LanguageMetrics;
}

export interface EvaluateOptions {
  /** Number of resamples for the intervals; 0 for none. */
  readonly bootstrap: number;
  readonly rng: Rng;
}

/**
 * Figures of a model's answers. Definitions stand at `measureSingleLabel`, `measureMultiLabel`, `measureRegression`,
 * `measureTokenClassification` and `measureLanguage`.
 * Where any output is not finite, as after divergence, every figure is null, and so is the confusion matrix.
 * @throws InvalidParameterError where lengths disagree or a code names no label
 */
export function evaluatePredictions<P extends Predictions>(
  predictions: P,
  options: EvaluateOptions,
): MetricsOf[P['task']];
export function evaluatePredictions(predictions: Predictions, options: EvaluateOptions): Metrics {
  checkPredictions(predictions);
  if (!(Number.isSafeInteger(options.bootstrap) && options.bootstrap >= 0)) {
    throw new InvalidParameterError(
      `bootstrap=${options.bootstrap}: must be a whole number of resamples, at least 0. 1000 serves well.`,
    );
  }
  switch (predictions.task) {
    case 'single-label':
      return {
        ...figures(predictions, SINGLE_LABEL, () => measureSingleLabel(predictions), options),
        confusion: predictions.outputs.every(Number.isFinite) ? confusionOf(predictions) : null,
      };
    case 'multi-label':
      return figures(predictions, MULTI_LABEL, () => measureMultiLabel(predictions), options);
    case 'token-classification':
      return taggedFigures(predictions, options);
    case 'generation':
      return figures(predictions, LANGUAGE, () => measureLanguage(predictions), options);
    default:
      return figures(predictions, REGRESSION, () => measureRegression(predictions), options);
  }
}

/** Figures of all entities, and of each kind with the interval of its F1, from the same resamples. */
function taggedFigures(
  predictions: PredictionsOf<'token-classification'>,
  options: EvaluateOptions,
): TokenMetrics {
  const kinds = predictions.outputs.every(Number.isFinite) ? kindFigures(predictions) : null;
  const names = [...TOKEN_CLASSIFICATION, ...Object.keys(kinds ?? {}).map(kindF1)];
  const found = figures(predictions, names, () => measureTokenClassification(predictions), options);
  const { records, f1, precision, recall, macroF1, tokenAccuracy, loss, intervals, reasons } = found;
  return { records, f1, precision, recall, macroF1, tokenAccuracy, loss, intervals, reasons, kinds };
}

/** Figures that resampling shifts, so that the percentiles of resamples are no interval for them. */
const BIASED: Readonly<Record<string, string>> = {
  ece: 'resamples overstate a calibration error',
  distinct1: 'resamples repeat texts',
  distinct2: 'resamples repeat texts',
};

function figures<Name extends string>(
  predictions: Predictions,
  names: readonly Name[],
  prepare: () => Measure<Name>,
  options: EvaluateOptions,
): Measured<Name> {
  const records = recordsOf(predictions);
  const wild = predictions.outputs.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  const measure = wild > 0 ? () => allUndefined(names, `${wild} outputs are not finite numbers`) : prepare();
  return estimated(names, measure, { records, groups: predictions.groups }, options);
}

/** The figures of a measure with their intervals. */
export function estimated<Name extends string>(
  names: readonly Name[],
  measure: Measure<Name>,
  { records, groups }: { readonly records: number; readonly groups: Predictions['groups'] | undefined },
  { bootstrap, rng }: EvaluateOptions,
): Measured<Name> {
  const found = measure(new Uint32Array(records).fill(1));
  const resampled = names.filter((name) => typeof found[name] === 'number' && !(name in BIASED));
  const intervals =
    bootstrap === 0 || resampled.length === 0
      ? {}
      : bootstrapIntervals(measure, resampled, {
          records,
          groups,
          resamples: bootstrap,
          rng,
        });
  const [reasons, ends]: [Record<string, string>, Record<string, Interval>] = [{}, {}];
  for (const name of names) {
    const figure = found[name];
    if (typeof figure === 'string') reasons[name] = figure;
    else if (bootstrap > 0 && BIASED[name]) reasons[`intervals.${name}`] = BIASED[name];
  }
  for (const [name, interval] of Object.entries<Interval | string>(intervals)) {
    if (typeof interval === 'string') reasons[`intervals.${name}`] = interval;
    else ends[name] = interval;
  }
  const values = Object.fromEntries(
    names.map((name) => [name, typeof found[name] === 'number' ? found[name] : null]),
  ) as Record<Name, number | null>;
  return { records, ...values, intervals: ends, reasons };
}

/**
 * Figures apart by the values of a column, under the values' names; values that no record has are left out.
 * A slice of few records says much about each of them.
 * @param slice - `codes`: index into `names`, [records]
 */
export function slicedMetrics<P extends Predictions>(
  predictions: P,
  slice: { readonly names: readonly string[]; readonly codes: Int32Array },
  options: EvaluateOptions,
): Record<string, MetricsOf[P['task']]> {
  checkPredictions(predictions);
  const { names, codes } = slice;
  if (codes.length !== recordsOf(predictions) || codes.some((code) => code < 0 || code >= names.length)) {
    throw new InvalidParameterError(
      `slice codes, ${codes.length} of them: must be one for each of ${recordsOf(predictions)} records, ` +
        `from 0 to ${names.length - 1}. Give each record the index of its value.`,
    );
  }
  const members = names.map((): number[] => []);
  for (const [record, code] of codes.entries()) members[code]!.push(record);
  return Object.fromEntries(
    names
      .map((name, code) => [name, members[code]!] as const)
      .filter(([, own]) => own.length > 0)
      .map(([name, own]) => [
        name,
        evaluatePredictions(selectRecords(predictions, Uint32Array.from(own)) as P, options),
      ]),
  );
}
