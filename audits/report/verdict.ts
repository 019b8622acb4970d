import type { Claim } from './schema-claim.ts';
import type { AuditResults } from './schema-evidence.ts';
import { isGiven } from './schema-node.ts';
import type { Report } from './schema.ts';
import { percentAtMost } from './words.ts';

/** What stands on page one. */
export interface Verdict {
  readonly tone: 'good' | 'warning' | 'bad';
  readonly title: string;
  readonly sentence: string;
}

/** The report in one sentence. Evidence against the guarantee outweighs the guarantee. */
export function verdictOf(report: Report): Verdict {
  const { status, claim, meaning, implementationTests, audit, accounting } = report;
  if (!status.private || !isGiven(claim) || !isGiven(meaning)) {
    return {
      tone: 'bad',
      title: 'NOT PRIVATE',
      sentence: `${status.reason} Whatever was in its training data may be found in the model.`,
    };
  }
  const against = [
    ...(isGiven(implementationTests) && implementationTests.failed > 0
      ? [`${implementationTests.failed} tests of its mechanism failed`]
      : []),
    ...(isGiven(audit) && audit.some((found) => isViolation(found, claim))
      ? ['an audit found more leakage than the guarantee allows']
      : []),
    ...(isGiven(accounting) && accounting.assumptions.some(({ holds }) => holds === 'does not hold')
      ? ['an assumption of its accounting does not hold']
      : []),
  ];
  if (against.length > 0) {
    return {
      tone: 'bad',
      title: 'Guarantee contradicted',
      sentence: `A guarantee is stated for this model, but ${against.join(', and ')}. Do not rely on it.`,
    };
  }
  const { falsePositiveRate, truePositiveRate } = meaning.attacker[1]!;
  const limit = `an attacker who wrongly accuses ${percentAtMost(falsePositiveRate)} of outsiders finds at most ${percentAtMost(truePositiveRate)} of those who were in it`;
  const tested = isGiven(implementationTests) || isGiven(audit);
  return {
    tone: tested ? 'good' : 'warning',
    title: 'Differentially private, within the limits below',
    sentence: `Whatever anybody does with this model, it tells at most this much about whether ${claim.unit} was in its training data: ${limit}.`,
  };
}

/** What an audit found, judged by its own verdict and by its figures: neither can talk the other out of a violation. */
export function isViolation({ verdict, epsilonLower, delta }: AuditResults[number], claim: Claim): boolean {
  // A guarantee at the claim's delta is one at every larger delta.
  return verdict.startsWith('violation') || (epsilonLower > claim.epsilon && delta >= claim.delta);
}
