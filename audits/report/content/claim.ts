import {
  epsilonOf,
  groupOf,
  inPopulation,
  UnsupportedEventError,
  type DpEvent,
  type Plan,
  type Readouts,
} from '../../../privacy/index.ts';
import { costOf, type PlanFacts } from '../evidence.ts';
import type { Claim, Meaning } from '../schema-claim.ts';
import { missing, type Field } from '../schema-node.ts';
import { boundsFromProfile, type AttackBounds } from './profile-bounds.ts';
import { statementOf, unitInWords } from './words.ts';

const profileDeltas = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8] as const;
/** False positive rates that the report speaks of. */
const alarmRates = [0.001, 0.01, 0.05] as const;
/** Denser near 0, where the trade-off curve bends. */
const curveRates = Array.from({ length: 51 }, (_, k) => Number(((k / 50) ** 3).toFixed(6)));

/**
 * What is not known here for some events, as a missing field.
 * @param compute - may throw UnsupportedEventError
 */
export function supported<T>(compute: () => T): Field<T> {
  try {
    return compute();
  } catch (error) {
    if (error instanceof UnsupportedEventError) return missing(error.message);
    throw error;
  }
}

/** A bound on epsilon, or why there is none: an infinite one is no guarantee. */
export function finiteEpsilon(
  event: DpEvent,
  { delta, relation }: Pick<Plan, 'delta' | 'relation'>,
): Field<number> {
  return supported(() => {
    const { upper } = epsilonOf(event, { delta, relation }).epsilon;
    return Number.isFinite(upper) ? upper : missing('no finite epsilon at this delta');
  }) as Field<number>;
}

export function claimOf(plan: PlanFacts, readouts: Field<Readouts>): Claim {
  const { unit } = plan.privacy;
  const { epsilon, delta, relation, event } = costOf(plan);
  return {
    variant: 'approximate',
    epsilon,
    delta,
    relation,
    unit: unitInWords(unit),
    statement: statementOf({ epsilon, delta, unit, relation }),
    gaussian: 'mu' in readouts ? readouts.mu() : readouts,
    profile: supported(() =>
      profileDeltas.map((at) => ({
        delta: at,
        // The plan's own bound is the claim: no other figure may contradict it.
        epsilon: at === delta ? epsilon : epsilonOf(event, { delta: at, relation }).epsilon.upper,
      })),
    ),
    withoutAmplification: plan.search
      ? missing('not computed for a search over settings')
      : withoutAmplification(plan.privacy),
  };
}

/**
 * Epsilon if it were known in which steps a unit takes part, as after shuffling into visible batches: the sampled Gaussians
 * become plain ones, as many as the expected number of participations (with correlated noise, its own share of C each). The form is that of TF Privacy's
 * compute_dp_sgd_privacy_statement (each example once per epoch).
 */
function withoutAmplification(plan: Plan): Claim['withoutAmplification'] {
  const counts = plan.phases.map(({ samplingRate, steps, strategy }) =>
    Math.ceil((samplingRate * steps) / (strategy?.length ?? 1) - 1e-9),
  );
  const gaussians = plan.phases.map(({ noiseMultiplier, population }, index): DpEvent => ({
    kind: 'self-composed',
    count: counts[index]!,
    event: inPopulation(population, { kind: 'gaussian', noiseMultiplier }),
  }));
  const charged = plan.event.kind === 'composed' ? plan.event.events.slice(plan.phases.length) : [];
  const epsilon = finiteEpsilon({ kind: 'composed', events: [...gaussians, ...charged] }, plan);
  if (typeof epsilon !== 'number') return epsilon;
  return { epsilon, participations: counts.reduce((sum, count) => sum + count, 0) };
}

export function meaningOf(plan: PlanFacts, readouts: Field<Readouts>): Meaning {
  const unit = unitInWords(plan.privacy.unit);
  const words = {
    means: [
      `Whatever anybody does with the released model, how likely it is to happen changes only within the limits of this report if ${unit} is left out of the training data.`,
      'This holds against an attacker who knows everything else: all other data, the settings, the program and the model itself, and who has unlimited time.',
      'It holds for every unit and for all time: no later discovery and no other data set can undo it.',
      'Anything computed from the model later, such as its answers, is covered by the same guarantee.',
    ],
    doesNotMean: [
      'It does not mean that the model is free of personal data, and it is not a claim of anonymity.',
      'It does not hide facts about the group as a whole: those are what the model is meant to learn, and they may concern a person who was not in the data.',
      `It does not protect more than ${unit}: what many people wrote alike, and what is said of a person in the texts of others, is not covered.`,
      'It does not cover other releases about the same people: their privacy losses add up.',
      'It does not protect the raw data, its storage, or the people who can read it.',
    ],
  };
  const bounds = 'value' in readouts ? boundsFromProfile(costOf(plan)) : boundsFromCurve(readouts);
  return {
    attacker: alarmRates.map((falsePositiveRate) => {
      const truePositiveRate = bounds.truePositiveRate(falsePositiveRate);
      const posterior = (prior: number): number =>
        (prior * truePositiveRate) / (prior * truePositiveRate + (1 - prior) * falsePositiveRate);
      return {
        falsePositiveRate,
        truePositiveRate,
        posteriorFromHalf: posterior(0.5),
        posteriorFromHundredth: posterior(0.01),
      };
    }),
    advantage: bounds.advantage,
    accuracyFromHalf: bounds.accuracyFromHalf,
    tradeOff: curveRates.map((falsePositiveRate) => ({
      falsePositiveRate,
      falseNegativeRate: bounds.falseNegativeRate(falsePositiveRate),
    })),
    source: bounds.source,
    ...words,
  };
}

function boundsFromCurve(readouts: Readouts): AttackBounds {
  return {
    source: 'the exact trade-off curve of the mechanism, certified',
    truePositiveRate: (rate) => readouts.truePositiveRate(rate).upper,
    falseNegativeRate: (rate) => readouts.falseNegativeRate(rate).lower,
    advantage: readouts.advantage().upper,
    accuracyFromHalf: readouts.accuracy(0.5).upper,
  };
}

/** What groups of units are protected by. */
export function groupsOf(plan: PlanFacts): { size: number; epsilon: Field<number> }[] {
  return [2, 4].map((size) => {
    const cost = costOf(plan);
    const event = supported(() => groupOf(cost.event, size));
    return { size, epsilon: 'value' in event ? event : finiteEpsilon(event, cost) };
  });
}
