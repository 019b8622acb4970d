import type { Evidence } from '../evidence.ts';
import { isGiven } from '../schema-node.ts';
import type { Accounting } from '../schema-method.ts';
import { isCorrelated } from './mechanism-words.ts';
import { selectionAssumption } from './selection.ts';

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

type Assumption = Accounting['assumptions'][number];

/** What the bound rests on, each with what is known of it. */
export function assumptionsOf({ plan, implementationTests, stepsCharged }: Evidence): Assumption[] {
  const { phases, unit, publicSize } = plan.privacy;
  const tests = isGiven(implementationTests)
    ? implementationTests.failed === 0
      ? `and tested on this job before it trained (${implementationTests.passed} checks, none failed)`
      : `but ${implementationTests.failed} of the job's own tests failed`
    : 'not tested on this job';
  const failed = isGiven(implementationTests) && implementationTests.failed > 0;
  const built = (text: string, how: string): Assumption => ({
    text,
    holds: failed ? 'not shown' : 'holds',
    evidence: `${how}; ${tests}.`,
  });
  return [
    built(
      isCorrelated(plan.privacy)
        ? 'Each unit takes part in each step of its turn with probability q, independently of everything else, and its turn follows from the unit alone.'
        : 'Each unit takes part in each step with probability q, independently of everything else.',
      'The sampler that ran is the one that states its own event to the accountant',
    ),
    ...selectionAssumption(plan.privacy),
    built(
      'No unit moves the sum of a step by more than C.',
      'Every gradient is clipped to slightly less than C, with room for the rounding of norms and sums',
    ),
    built(
      isCorrelated(plan.privacy)
        ? 'Noise of standard deviation sigma C is drawn once a step, afresh, from a secure generator; the noise of earlier steps, of which a part is taken back, is known to nobody.'
        : 'Noise of standard deviation sigma C is drawn once a step, afresh, from a secure generator.',
      "The operating system's generator is used, and a run with a seed is stamped NOT PRIVATE",
    ),
    built(
      'Nothing of the noise below the precision of float32 leaves the mechanism.',
      'The noisy sum is rounded to a public lattice before anything sees it',
    ),
    built(
      'Divisor, learning rates and number of steps do not depend on the private data.',
      'They are constants of the plan',
    ),
    stepsAssumption(),
    plan.sizeSource === 'declared'
      ? {
          text: 'The number of units is public.',
          holds: 'holds',
          evidence: `${publicSize} was declared public in the job.`,
        }
      : {
          text: 'The number of units is public.',
          holds: 'not shown',
          evidence: `${publicSize} was counted in the data and is treated as public. Declaring a public size in the job would show it.`,
        },
    {
      text: 'Nobody outside sees which units a step took, its losses or its norms.',
      holds: 'not shown',
      evidence: 'They stay in private/, which must stay where it is.',
    },
    {
      text:
        unit.kind === 'user'
          ? 'The unit column names each person by one value, and by no other.'
          : 'What must be protected of a person lies in one record.',
      holds: 'not shown',
      evidence: 'Only the owner of the data can know.',
    },
    {
      text: 'The settings were not chosen by looking at the private data.',
      holds: 'not shown',
      evidence:
        "The recipe looks at public facts alone; choices made before this run are the owner's to state.",
    },
  ];

  function stepsAssumption(): Assumption {
    const text = 'No more steps were taken than the plan pays for.';
    if (!isGiven(stepsCharged)) return { text, holds: 'not shown', evidence: `${stepsCharged.reason}.` };
    const over = phases.filter(({ name, steps }) => (stepsCharged[name] ?? 0) > steps);
    const taken = sum(phases.map(({ name }) => stepsCharged[name] ?? 0));
    const evidence = `${taken} steps were written down, each before its batch was drawn; the plan pays for ${sum(phases.map(({ steps }) => steps))}.`;
    return { text, holds: over.length === 0 ? 'holds' : 'does not hold', evidence };
  }
}
