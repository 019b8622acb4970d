import { epsilonOf } from '../../privacy/index.ts';
import { UnsupportedEventError } from '../../privacy/errors.ts';
import { always, failed, notChecked, passed, unless, type Rule, type Subject } from './check.ts';
import { epsilonByInversion } from './inversion.ts';
import { momentsOf } from './moments.ts';

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

/** A claim may be above the second accountant's figure by any amount, but below it only by its error. */
export const accountantRule: Rule = {
  id: 'accountant',
  title: 'A second accountant confirms epsilon',
  explanation:
    "Epsilon at the plan's delta is computed again by other mathematics and other code: a contour integral of the loss's moment generating function (arXiv:2208.09595), and Renyi divergences from the same moments. The claim must not be below the former, and the latter must not be below the first accountant's lower bound.",
  isNeeded: ({ plan }) => plan?.notPrivate === undefined,
  run: (subject) => {
    const { plan } = subject;
    if (!plan) return notChecked('plan.json cannot be believed');
    if (plan.notPrivate) return notChecked('the run is NOT PRIVATE and claims no epsilon');
    return opinionOn(plan.privacy);
  },
};

function opinionOn({ event, delta, relation, epsilon }: NonNullable<Subject['plan']>['privacy']) {
  const first = epsilonOf(event, { delta, relation }).epsilon;
  let second;
  try {
    second = epsilonByInversion(momentsOf(event, relation), delta);
  } catch (error) {
    if (error instanceof UnsupportedEventError) return notChecked(error.message);
    throw error;
  }
  const { tolerance, renyi } = second;
  const faults = [
    ...(epsilon < second.epsilon * (1 - tolerance)
      ? [`claimed epsilon ${epsilon} is below ${second.epsilon}`]
      : []),
    ...(first.lower > second.epsilon * (1 + tolerance) || first.upper < second.epsilon * (1 - tolerance)
      ? [`the accountants disagree: ${first.lower} to ${first.upper} against ${second.epsilon}`]
      : []),
    ...(renyi < first.lower * (1 - tolerance) ? [`Renyi bound ${renyi} is below ${first.lower}`] : []),
  ];
  return unless(
    faults,
    `claimed ${figure(epsilon)}; loss distribution ${figure(first.upper)}, inversion of moments ${figure(second.epsilon)}, Renyi ${figure(renyi)}`,
  );
}

function figure(value: number): string {
  return value.toPrecision(6);
}
