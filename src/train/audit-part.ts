import { checkedDesign, oneRunPower, type AuditDesign } from '../../audits/index.ts';
import { canonicalHash, InvalidParameterError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { sha256File } from '../data/index.ts';

/** The audit of a run, fixed with its plan. Public: its canaries can be made again by anyone, only the coins are secret. */
export interface AuditPart {
  /** Canaries, of which each joins the training data by a fair coin: half of them on average, on top of the public size. */
  readonly canaries: number;
  readonly canaryDesign: 'random-token' | 'new-token' | 'mislabelled';
  /** SHA-256 of the public file that mislabelled canaries are taken from. */
  readonly source: string | null;
  /** Rules, bounds and confidence. */
  readonly design: AuditDesign;
  /** SHA-256 of the canonical JSON of everything above: the pre-registration. */
  readonly hash: string;
}

/**
 * The audit that a job asks for, if it does.
 * @param claim - what the run will claim; a given noise multiplier counts as epsilon 8 here, where only power is at stake
 */
export async function auditPartOf(
  { audit }: Config,
  claim: { readonly epsilon?: number; readonly delta: number },
): Promise<AuditPart | undefined> {
  const { canaries: m, confidence, source } = audit;
  if (m === 0) return undefined;
  const level = { delta: claim.delta, significance: 1 - confidence };
  const r = audit.guesses === 'auto' ? bestGuesses(m, 2 * (claim.epsilon ?? 8), level) : audit.guesses;
  if (r > m) {
    throw new InvalidParameterError(`audit.guesses=${r}: must be at most audit.canaries=${m}. Give fewer.`);
  }
  const members = Math.ceil(r / 2);
  const design: AuditDesign = {
    candidates: [{ score: 'loss drop', sign: 1, rule: { kind: 'extremes', members, others: r - members } }],
    // The second decides: it tests the plan's own trade-off curve.
    methods: ['one-run', 'one-run-f-dp'],
    selection: 'all',
    delta: claim.delta,
    confidence,
  };
  const canaryDesign =
    audit.design === 'auto' ? (source === undefined ? 'random-token' : 'mislabelled') : audit.design;
  const body = {
    canaries: m,
    canaryDesign,
    source: source !== undefined && canaryDesign === 'mislabelled' ? await sha256File(source) : null,
    design: checkedDesign(design),
  };
  return { ...body, hash: canonicalHash(body) };
}

/** The number of guesses that promises the best bound if the truth were `epsilon`. */
function bestGuesses(m: number, epsilon: number, level: { delta: number; significance: number }): number {
  const choices = [0.1, 0.2, 0.35, 0.5, 0.75, 1].map((share) => Math.max(1, Math.round(share * m)));
  const bounds = choices.map((r) => oneRunPower({ m, r }, epsilon, level).gaussianEpsilonLower);
  return choices[bounds.indexOf(Math.max(...bounds))]!;
}
