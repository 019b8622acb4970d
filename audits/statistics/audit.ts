import { InvalidParameterError } from '../../privacy/index.ts';
import { credibleInterval } from './credible.ts';
import { checkedDesign, designHash, type AuditDesign, type BoundMethod, type Candidate } from './design.ts';
import { gaussianFamily, type TradeOffFamily } from './family.ts';
import { epsilonOfMu } from './normal.ts';
import { oneRunLeakage, refutesTradeOff } from './one-run-trade-off.ts';
import { oneRunBound, type Guesses, type Level } from './one-run.ts';
import { errorsOf, guessesOf, type ScoredCanaries } from './tally.ts';
import { clopperPearsonBound, gaussianTwoWorldMu, type ErrorCounts } from './two-worlds.ts';

/** A lower bound of epsilon and all that it rests on. */
export interface AuditBound {
  readonly method: BoundMethod;
  /** What the bound is conditional on; null where it holds for every (epsilon, delta)-private mechanism. */
  readonly family: string | null;
  readonly epsilonLower: number;
  /** What the same audit would have said had every guess been right: no attack certifies more. */
  readonly ceiling: number;
  readonly candidate: Candidate;
}

/** How the choice among rules was paid for. */
export interface Correction {
  readonly kind: 'none' | 'bonferroni' | 'held-out';
  readonly candidates: number;
}

interface AuditResult {
  readonly delta: number;
  readonly confidence: number;
  readonly correction: Correction;
  readonly designHash: string;
  readonly bounds: readonly AuditBound[];
}

export interface OneRunAudit extends AuditResult {
  /** Of the rule that the first bound stands for. */
  readonly guesses: Guesses;
  /** Whether the claimed trade-off curve is refuted, and whether it could have been; null without a curve. */
  readonly claim: { readonly refuted: boolean; readonly refutable: boolean } | null;
}

export interface TwoWorldAudit extends AuditResult {
  /** Of the rule that the first bound stands for. */
  readonly errors: ErrorCounts;
}

/**
 * Bounds from m canaries of ONE training run, each in it by a fair coin of its own.
 * @param family - of trade-off curves, for `one-run-f-dp`
 * @param claimed - the leakage in it that the run is claimed to have; its own test, at the same confidence
 */
export function auditOneRun(
  canaries: ScoredCanaries,
  design: AuditDesign,
  family: TradeOffFamily = gaussianFamily,
  claimed?: number,
): OneRunAudit {
  const { rules, places, level, correction } = judged(canaries, design, (candidate, some, scale, at) =>
    oneRunBoundOf(guessesOf(canaries, candidate, some, scale), at),
  );
  const counted = rules
    .map((candidate) => ({ candidate, counts: guessesOf(canaries, candidate, places) }))
    // The most precise first: most of the others are then dismissed by a single look.
    .sort((a, b) => b.counts.v * a.counts.r - a.counts.v * b.counts.r);
  const perfect = allRight(counted.reduce((a, b) => (b.counts.r > a.counts.r ? b : a)).counts);
  const bounds = design.methods.map((method) => {
    switch (method) {
      case 'one-run':
        return bestOf(method, null, counted, perfect, (counts, known) =>
          counts.r === 0 ? known : oneRunBound(counts, level, known),
        );
      case 'one-run-f-dp':
        return bestOf(
          method,
          family.name,
          counted,
          perfect,
          (counts, known) =>
            counts.r === 0 ? known : oneRunLeakage(family, counts, level.significance, known),
          (leakage) => family.epsilon(leakage, level.delta),
        );
      default:
        throw wrongMethod(method, 'independent trials');
    }
  });
  const refutes = (counts: Guesses): boolean =>
    claimed !== undefined &&
    counts.r > 0 &&
    refutesTradeOff(family.blowUp(claimed), counts, level.significance);
  return {
    ...summary(design, correction),
    guesses: countsFor(bounds[0]!, counted),
    bounds,
    claim:
      claimed !== undefined
        ? {
            refuted: counted.some(({ counts }) => refutes(counts)),
            refutable: refutes(perfect),
          }
        : null,
  };
}

/** Bounds from INDEPENDENT trials: a training run, or a noisy step, for each score. */
export function auditTwoWorlds(trials: ScoredCanaries, design: AuditDesign): TwoWorldAudit {
  const { rules, places, level, correction } = judged(trials, design, (candidate, some, _, at) =>
    clopperPearsonBound(errorsOf(trials, candidate, some), at),
  );
  const counted = rules.map((candidate) => ({ candidate, counts: errorsOf(trials, candidate, places) }));
  const perfect = { ...counted[0]!.counts, falsePositives: 0, falseNegatives: 0 };
  const bounds = design.methods.map((method) => {
    switch (method) {
      case 'clopper-pearson':
        return bestOf(method, null, counted, perfect, (counts) => clopperPearsonBound(counts, level));
      case 'gaussian':
        return bestOf(
          method,
          gaussianFamily.name,
          counted,
          perfect,
          (counts) => gaussianTwoWorldMu(counts, level.significance),
          (mu) => epsilonOfMu(mu, level.delta),
        );
      case 'credible':
        return bestOf(method, 'Jeffreys prior', counted, perfect, (counts) => credibleBound(counts, level));
      default:
        throw wrongMethod(method, 'one run');
    }
  });
  return { ...summary(design, correction), errors: countsFor(bounds[0]!, counted), bounds };
}

/** One-sided, as the other bounds: of twice the significance, half lies below the interval. */
function credibleBound(counts: ErrorCounts, { delta, significance }: Level): number {
  return credibleInterval(counts, { delta, significance: Math.min(0.49, 2 * significance) }).lower;
}

function countsFor<Counts>(
  { candidate }: AuditBound,
  counted: readonly { readonly candidate: Candidate; readonly counts: Counts }[],
): Counts {
  return counted.find((rule) => rule.candidate === candidate)!.counts;
}

function wrongMethod(method: BoundMethod, kind: string): InvalidParameterError {
  return new InvalidParameterError(`methods=${method}: is for ${kind}. Correct the design.`);
}

function summary(design: AuditDesign, correction: Correction) {
  return {
    delta: design.delta,
    confidence: design.confidence,
    correction,
    designHash: designHash(design),
  };
}

function oneRunBoundOf(guesses: Guesses, level: Level): number {
  return guesses.r === 0 ? 0 : oneRunBound(guesses, level);
}

function allRight(guesses: Guesses): Guesses {
  return { ...guesses, v: guesses.r };
}

/** The rules that are bounded, on which canaries and at which level. */
interface Judged {
  readonly rules: readonly Candidate[];
  readonly places: readonly number[];
  readonly level: Level;
  readonly correction: Correction;
}

function judged(
  canaries: ScoredCanaries,
  design: AuditDesign,
  bound: (candidate: Candidate, places: readonly number[], scale: number, level: Level) => number,
): Judged {
  const { candidates, selection, delta, confidence } = checkedDesign(design);
  const all = canaries.members.map((_, place) => place);
  const [significance, count] = [1 - confidence, candidates.length];
  if (selection === 'all') {
    return {
      rules: candidates,
      places: all,
      level: { delta, significance: significance / count },
      correction: { kind: count === 1 ? 'none' : 'bonferroni', candidates: count },
    };
  }
  const { choosing } = canaries;
  if (choosing?.length !== all.length) {
    throw new InvalidParameterError(
      'choosing=missing: a held-out selection needs to know the canaries to choose on. Give their split.',
    );
  }
  const [chosenOn, places] = [
    all.filter((place) => choosing[place]),
    all.filter((place) => !choosing[place]),
  ];
  if (chosenOn.length === 0 || places.length === 0) {
    throw new InvalidParameterError(
      `choosing=${chosenOn.length} of ${all.length}: some canaries must choose and some must judge. Split them.`,
    );
  }
  const level = { delta, significance };
  const scale = chosenOn.length / places.length;
  const bounds = candidates.map((candidate) => bound(candidate, chosenOn, scale, level));
  const chosen = candidates[bounds.indexOf(Math.max(...bounds))]!;
  return { rules: [chosen], places, level, correction: { kind: 'held-out', candidates: count } };
}

/**
 * The best bound of several rules at one level.
 * @param perfect - the counts that no attack by these rules could better
 * @param boundOf - an increasing function of epsilon, bounded; or `known`, where that is more
 */
function bestOf<Counts>(
  method: BoundMethod,
  family: AuditBound['family'],
  counted: readonly { readonly candidate: Candidate; readonly counts: Counts }[],
  perfect: Counts,
  boundOf: (counts: Counts, known: number) => number,
  epsilonOf: (bound: number) => number = (bound) => bound,
): AuditBound {
  let best = 0;
  let { candidate } = counted[0]!;
  for (const { candidate: next, counts } of counted) {
    const bound = boundOf(counts, best);
    if (bound > best) {
      best = bound;
      candidate = next;
    }
  }
  const ceiling = epsilonOf(boundOf(perfect, 0));
  return { method, family, epsilonLower: epsilonOf(best), ceiling, candidate };
}
