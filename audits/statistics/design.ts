import { canonicalHash, InvalidParameterError } from '../../privacy/index.ts';

/** Bounds from one run (the first two) and from independent trials. */
export type BoundMethod = 'one-run' | 'one-run-f-dp' | 'clopper-pearson' | 'gaussian' | 'credible';

/**
 * How guesses are made from scores. `extremes`: the `members` canaries of the highest signed score are called members, the `others`
 * of the lowest are not. `threshold`: those at `at` or beyond it, in the direction of the sign, are called members.
 */
export type GuessRule =
  | { readonly kind: 'extremes'; readonly members: number; readonly others: number }
  | { readonly kind: 'threshold'; readonly at: number };

/** One way to turn scores into guesses. */
export interface Candidate {
  /** Name of the score. */
  readonly score: string;
  /** 1 where larger means "was trained on", -1 where smaller does. */
  readonly sign: 1 | -1;
  readonly rule: GuessRule;
}

/**
 * Everything about an audit that could be chosen to please, fixed before its scores exist. With `all` candidates each is bounded
 * at significance / (number of candidates), and the best bound stands; with `held-out` the best on one half of the canaries is
 * bounded on the other half alone. There is no third way: a rule chosen on the scores that it is judged by is wrong
 * about its confidence (12 to 46 % false alarms at a nominal 5 % in published code).
 */
export interface AuditDesign {
  readonly candidates: readonly Candidate[];
  /** The bounds that will be printed, each at the full confidence; choosing among them afterwards would be a choice, too. */
  readonly methods: readonly BoundMethod[];
  readonly selection: 'all' | 'held-out';
  readonly delta: number;
  /** Of the whole audit, such as 0.95. */
  readonly confidence: number;
}

/** What is published before the run, to prove that the design was not chosen after it. */
export function designHash(design: AuditDesign): string {
  return canonicalHash(checkedDesign(design));
}

/** @throws InvalidParameterError for a design that could not be followed */
export function checkedDesign(design: AuditDesign): AuditDesign {
  const { candidates, methods, selection, delta, confidence } = design;
  if (methods.length === 0) {
    throw new InvalidParameterError('methods=0: an audit prints one bound at least. Name it.');
  }
  if (candidates.length === 0) {
    throw new InvalidParameterError('candidates=0: an audit needs one at least. Name a score and a rule.');
  }
  if (selection !== 'all' && selection !== 'held-out') {
    throw new InvalidParameterError(`selection=${String(selection)}: must be all or held-out.`);
  }
  if (!(delta >= 0 && delta < 1)) {
    throw new InvalidParameterError(`delta=${delta}: must be from 0 to below 1. Give that of the claim.`);
  }
  if (!(confidence > 0.5 && confidence < 1)) {
    throw new InvalidParameterError(
      `confidence=${confidence}: must be above 1/2 and below 1. Give 0.95 or more.`,
    );
  }
  for (const candidate of candidates) checkCandidate(candidate);
  return design;
}

function checkCandidate({ sign, rule }: Candidate): void {
  if (sign !== 1 && sign !== -1) {
    throw new InvalidParameterError(`sign=${String(sign)}: must be 1 or -1. Say which way members score.`);
  }
  if (rule.kind === 'threshold') {
    if (Number.isFinite(rule.at)) return;
    throw new InvalidParameterError(`at=${rule.at}: must be finite. Give a threshold.`);
  }
  const { members, others } = rule;
  const whole = Number.isInteger(members) && Number.isInteger(others) && members >= 0 && others >= 0;
  if (!(whole && members + others >= 1)) {
    throw new InvalidParameterError(
      `guesses=${members} members, ${others} others: must be whole numbers, at least one guess in all.`,
    );
  }
}
