import type { AuditDesign, Candidate, ScoredCanaries } from '../../audits/index.ts';
import type { ReproducibleRng } from '../../privacy/index.ts';

/**
 * Scores of m canaries of a mechanism that is EXACTLY (epsilon, delta)-private, and that no attack on such a mechanism could use
 * better: randomised response, whose answers are right with probability e^epsilon / (1 + e^epsilon), and with probability delta
 * certain. How extreme a score is tells nothing but which answers were certain.
 */
export function randomisedResponse(
  m: number,
  epsilon: number,
  delta: number,
  rng: ReproducibleRng,
): ScoredCanaries {
  const members = Array.from({ length: m }, () => rng.uniform() < 0.5);
  const right = 1 / (1 + Math.exp(-epsilon));
  const score = Float64Array.from(members, (member) => {
    const isCertain = rng.uniform() < delta;
    const isRight = isCertain || rng.uniform() < right;
    return (member === isRight ? 1 : -1) * (rng.uniform() + (isCertain ? 2 : 1));
  });
  return { scores: { score }, members };
}

/** Scores of a Gaussian mechanism: N(mu, 1) for members, N(0, 1) for others. */
export function gaussianScores(m: number, mu: number, rng: ReproducibleRng): ScoredCanaries {
  const members = Array.from({ length: m }, () => rng.uniform() < 0.5);
  return {
    scores: { score: Float64Array.from(members, (member) => rng.normal() + (member ? mu : 0)) },
    members,
  };
}

/** A design whose candidates guess the given numbers, half of them on each side. */
export function extremesDesign(
  guesses: readonly number[],
  level: Pick<AuditDesign, 'delta' | 'confidence' | 'methods'>,
  selection: AuditDesign['selection'] = 'all',
): AuditDesign {
  const candidates = guesses.map((r): Candidate => {
    const members = Math.ceil(r / 2);
    return { score: 'score', sign: 1, rule: { kind: 'extremes', members, others: r - members } };
  });
  return { candidates, selection, ...level };
}

/** A design of thresholds. */
export function thresholdDesign(
  thresholds: readonly number[],
  level: Pick<AuditDesign, 'delta' | 'confidence' | 'methods'>,
  selection: AuditDesign['selection'] = 'all',
): AuditDesign {
  const candidates = thresholds.map((at): Candidate => ({
    score: 'score',
    sign: 1,
    rule: { kind: 'threshold', at },
  }));
  return { candidates, selection, ...level };
}

/** The same canaries, every second one for choosing the rule. */
export function halved(canaries: ScoredCanaries): ScoredCanaries {
  return { ...canaries, choosing: canaries.members.map((_, k) => k % 2 === 0) };
}
