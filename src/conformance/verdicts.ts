import { openVerdict, type Verdict } from './verdict.ts';

const titles = {
  plan: 'The plan charges what the mechanism does',
  sampler: 'Each unit is in each batch with the planned probability, independently',
  noise:
    'The noise has the planned scale on every parameter, is new in each step and lies on the public lattice',
  empty: 'Empty batches draw noise, move the model and are charged',
  charges: 'Each step is charged, once, before its batch is drawn',
  resume: 'A resumed run goes on at what was charged, with new noise, and stops at the last step',
  'two-worlds': 'One step with a canary and one without differ no more than claimed',
  clipping: 'No unit adds more than the clipping norm, by a gradient computed apart',
  coverage: 'Every trainable parameter moves and is clipped',
  sensitivity: 'One unit more or less moves the sum by at most the clipping norm, whatever shares its batch',
  divisor: 'The sum is divided by the planned constant, whatever the batch',
  'non-finite': 'A unit without a finite gradient adds nothing',
  'self-test': 'Huge noise wrecks the model; a clipping norm near 0 freezes it',
} as const;

/** One verdict for each check, over all phases. */
export type Verdicts = Readonly<Record<keyof typeof titles, Verdict>>;

export function openVerdicts(): Verdicts {
  const entries = Object.entries(titles).map(([id, title]) => [id, openVerdict(id, title)]);
  return Object.fromEntries(entries) as Verdicts;
}
