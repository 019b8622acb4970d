import { epsilonOf, epsilonOnLattice, type Plan } from '../../privacy/index.ts';
import { UnsupportedEventError } from '../../privacy/errors.ts';
import { always, failed, notChecked, passed, unless, type Finding, type Rule } from './check.ts';
import { epsilonByInversion } from './inversion.ts';
import { momentsOf, type Moment } from './moments.ts';
import type { JobPlanText } from './plan.ts';

export const schemaRule: Rule = {
  id: 'schema',
  title: 'The report has the form that is published',
  explanation:
    'report.json is validated against its JSON Schema: every field is there, or null with a reason.',
  isNeeded: always,
  run: ({ report, unreadable }) => (report ? passed(report.format) : failed(unreadable.report!)),
};

export const planRule: Rule = {
  id: 'plan',
  title: 'The plan holds together, and its hash covers it',
  explanation:
    'From the numbers that fix the plan everything else in it is computed anew: sampling rates, noise, thresholds, the event tree, epsilon by the loss-distribution accountant, the hash, and the digests by which the hash covers model and training settings.',
  isNeeded: always,
  run: ({ plan, unreadable }) => {
    if (!plan) return failed(unreadable.plan!);
    const { hash, epsilon, delta } = plan.privacy;
    return passed(`hash ${hash.slice(0, 16)}..., epsilon ${epsilon} at delta ${delta}`);
  },
};

export const accountantRule: Rule = {
  id: 'accountant',
  title: 'A second accountant confirms epsilon',
  explanation:
    "Epsilon is computed again by other mathematics and other code: on a lattice of losses, bounded from both sides; by a contour integral of the loss's moment generating function (arXiv:2208.09595), with moments of its own; and from Renyi divergences by these moments. The claim must not be below the integral, and none may contradict the first accountant's bounds.",
  isNeeded: ({ plan }) =>
    plan === undefined || (plan.notPrivate === undefined && momentsIn(plan) !== undefined),
  run: ({ plan }) => {
    if (!plan) return notChecked('plan.json cannot be believed');
    if (plan.notPrivate) return notChecked('the run is NOT PRIVATE and claims no epsilon');
    const moments = momentsIn(plan);
    return moments
      ? opinionOn(plan, moments)
      : notChecked(`no second accountant here knows ${plan.privacy.event.kind}`);
  },
};

/** What the released model is said to cost: the plan, or the whole search that chose it. */
function costOf({ privacy, search }: JobPlanText): Pick<Plan, 'event' | 'epsilon'> {
  return search ?? privacy;
}

function momentsIn(plan: JobPlanText): readonly Moment[] | undefined {
  try {
    return momentsOf(costOf(plan).event, plan.privacy.relation);
  } catch (error) {
    if (error instanceof UnsupportedEventError) return undefined;
    throw error;
  }
}

/** A claim may be above the second accountant's figure by any amount, but below it only by its error. */
function opinionOn(plan: JobPlanText, moments: readonly Moment[]): Finding {
  const { event, epsilon } = costOf(plan);
  const { delta, relation } = plan.privacy;
  const first = epsilonOf(event, { delta, relation }).epsilon;
  const lattice = epsilonOnLattice(event, { delta, relation });
  const { epsilon: second, renyi, tolerance } = epsilonByInversion(moments, delta);
  const [least, most] = [1 - tolerance, 1 + tolerance];
  const faults = [
    ...(epsilon < second * least ? [`claimed epsilon ${epsilon} is below ${second}`] : []),
    ...(first.lower > second * most || first.upper < second * least
      ? [`the accountants disagree: ${first.lower} to ${first.upper} against ${second}`]
      : []),
    ...(first.lower > lattice.upper || first.upper < lattice.lower
      ? [
          `contour and lattice disagree: ${first.lower} to ${first.upper} against ${lattice.lower} to ${lattice.upper}`,
        ]
      : []),
    ...(renyi < first.lower * least ? [`Renyi bound ${renyi} is below ${first.lower}`] : []),
  ];
  return unless(
    faults,
    `claimed ${figure(epsilon)}; loss distribution ${figure(first.upper)}, on a lattice ${figure(lattice.upper)}, inversion of moments ${figure(second)}, Renyi ${figure(renyi)}`,
  );
}

function figure(value: number): string {
  return value.toPrecision(6);
}
