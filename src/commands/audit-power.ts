import { oneRunPower } from '../../audits/index.ts';
import type { JobPlan } from '../train/index.ts';
import type { Output } from './output.ts';

/** Says, before any training, what the planned audit can find at most, and what it would likely find. */
export function showAuditPower(output: Output, { audit, privacy }: JobPlan): void {
  if (!audit) return;
  const { canaries: m, canaryDesign, design } = audit;
  const { rule } = design.candidates[0]!;
  const r = rule.kind === 'extremes' ? rule.members + rule.others : m;
  const level = { delta: design.delta, significance: 1 - design.confidence };
  const twice = 2 * privacy.epsilon;
  const { ceiling, gaussianCeiling, epsilonLower, gaussianEpsilonLower } = oneRunPower(
    { m, r },
    twice,
    level,
  );
  const share = (50 * m) / privacy.publicSize;
  output.line(
    `Audit       ${m} ${canaryDesign} canaries, half of which train, on average: ${figure(share)} % more units, made up. ${r} guesses, ${100 * design.confidence} % confidence, design ${audit.hash.slice(0, 16)}`,
  );
  output.line(
    `            can certify an epsilon of at most ${figure(ceiling)} (any mechanism) or ${figure(gaussianCeiling)} (Gaussian curves)`,
  );
  output.line(
    `            if the claim were false by a factor of 2 (epsilon ${figure(twice)}), canaries as telling as can be would certify about ${figure(epsilonLower)} or ${figure(gaussianEpsilonLower)}; a final model tells less`,
  );
  output.line();
  output.event({
    event: 'audit-power',
    canaries: m,
    guesses: r,
    ceiling,
    gaussianCeiling,
    ifFalseByTwo: { epsilon: twice, epsilonLower, gaussianEpsilonLower },
  });
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
