import { InvalidParameterError } from '../../privacy/index.ts';
import { logNormalDensity } from './normal.ts';

/**
 * log(p / (1 - p)) of the probability p = e^-loss that a model gives to the right answer: closer to normal than p itself.
 * Reference: Carlini et al., arXiv:2112.03570, section VI.B.
 * @param loss - cross entropy in nats, 0 or more
 */
export function logitOfLoss(loss: number): number {
  // A loss of exactly 0 is one that float arithmetic rounded to it.
  return -Math.log(Math.expm1(Math.max(loss, 1e-30)));
}

/** Logits that shadow models give to the records under attack, [models][records]. */
type Logits = readonly ArrayLike<number>[];

/** How the spread of a record's logits is estimated: its own, or one for all records (better with few shadow models). */
export type Spread = 'per-record' | 'shared';

/**
 * LiRA, online: log density of the target's logit among models that were trained on the record, minus that among models that
 * were not. Larger for "was trained on".
 * Reference: Carlini et al., arXiv:2112.03570, algorithm 1.
 * @param target - logits of the model under attack, [records]
 * @param trained - whether shadow model k was trained on record j, [models][records]
 */
export function onlineLira(
  target: ArrayLike<number>,
  shadows: Logits,
  trained: readonly (readonly boolean[])[],
  spread: Spread = 'per-record',
): Float64Array {
  const inside = momentsOf(target.length, shadows, (model, record) => trained[model]![record]!, spread);
  const outside = momentsOf(target.length, shadows, (model, record) => !trained[model]![record]!, spread);
  return Float64Array.from(
    target,
    (logit, k) =>
      logNormalDensity(logit, inside.means[k]!, inside.deviations[k]!) -
      logNormalDensity(logit, outside.means[k]!, outside.deviations[k]!),
  );
}

/**
 * LiRA, offline: how many standard deviations the target's logit lies above those of the models that were not trained on the
 * record; in the order of 1 - P[N(mean, deviation) > logit].
 * Reference: Carlini et al., arXiv:2112.03570, equation 4.
 */
export function offlineLira(
  target: ArrayLike<number>,
  shadows: Logits,
  trained: readonly (readonly boolean[])[],
  spread: Spread = 'per-record',
): Float64Array {
  const outside = (model: number, record: number): boolean => !trained[model]![record]!;
  const { means, deviations } = momentsOf(target.length, shadows, outside, spread);
  return Float64Array.from(target, (logit, k) => (logit - means[k]!) / deviations[k]!);
}

interface Moments {
  readonly means: Float64Array;
  readonly deviations: Float64Array;
}

function momentsOf(
  records: number,
  shadows: Logits,
  counts: (model: number, record: number) => boolean,
  spread: Spread,
): Moments {
  const means = new Float64Array(records);
  const squares = new Float64Array(records);
  const models = new Uint32Array(records);
  for (let record = 0; record < records; record++) {
    const values = shadows.flatMap((logits, model) => (counts(model, record) ? [logits[record]!] : []));
    if (values.length < (spread === 'shared' ? 1 : 2)) {
      throw new InvalidParameterError(
        `shadows=${values.length} for record ${record}: too few for a mean and a deviation. Train more shadow models.`,
      );
    }
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    means[record] = mean;
    squares[record] = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    models[record] = values.length;
  }
  const pooled = totalOf(squares) / Math.max(1, totalOf(models) - records);
  // No spread at all would make every score infinite.
  const floor = 1e-12;
  const deviations = squares.map((square, record) =>
    Math.sqrt(Math.max(floor, spread === 'shared' ? pooled : square / (models[record]! - 1))),
  );
  return { means, deviations };
}

function totalOf(values: Float64Array | Uint32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Settings of RMIA: `offline` is the paper's a, the margin its gamma. */
export interface RmiaSettings {
  /** How far models trained on a record are taken to differ from those that were not, 0 to 1. */
  readonly offline: number;
  readonly margin: number;
}

/** Probabilities of the right answers of some records. */
export interface Probabilities {
  /** Under the model under attack. */
  readonly target: ArrayLike<number>;
  /** Mean under reference models that were not trained on the record. */
  readonly outside: ArrayLike<number>;
}

/**
 * RMIA: the share of population records z that the target favours less than the record x, each against its average over reference
 * models: p(x) / P(x) over p(z) / P(z) above the margin, with P(x) = ((1 + a) P_out(x) + (1 - a)) / 2.
 * Reference: Zarifzadeh, Liu, Shokri, arXiv:2312.03262, equations 3, 4 and 10.
 * @param population - records that the target was not trained on
 */
export function rmia(
  records: Probabilities,
  population: Probabilities,
  { offline, margin }: RmiaSettings,
): Float64Array {
  const others = ratiosOf(population, offline).sort();
  if (others.length === 0) {
    throw new InvalidParameterError('population=0: RMIA compares with other records. Give some.');
  }
  return ratiosOf(records, offline).map((ratio) => countBelow(others, ratio / margin) / others.length);
}

function ratiosOf({ target, outside }: Probabilities, offline: number): Float64Array {
  return Float64Array.from(
    target,
    (probability, k) => probability / (((1 + offline) * outside[k]! + (1 - offline)) / 2),
  );
}

/** How many of the ascending values are below `limit`. */
function countBelow(ascending: Float64Array, limit: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
