import {
  auditOneRun,
  auditTwoWorlds,
  designHash,
  rocOf,
  truePositiveRate,
  type AuditDesign,
  type BoundMethod,
  type GuessRule,
  type OneRunAudit,
  type ScoredCanaries,
  type TwoWorldAudit,
} from '../../audits/index.ts';
import { InvalidParameterError } from '../../privacy/index.ts';

/** Where scores come from: all canaries from one training run, or each from a run (or noisy step) of its own. */
export type Origin = 'one-run' | 'independent';

/** How scores of others' models are to be audited; all of it can be hashed before there are scores. */
export interface ScoresDesign {
  readonly origin: Origin;
  readonly scores: readonly string[];
  /** Members score lower, not higher. */
  readonly lower: boolean;
  /** Numbers of guesses, half of them on each side; for one run. */
  readonly guesses: readonly number[];
  readonly thresholds: readonly number[];
  readonly heldOut: boolean;
  readonly delta: number;
  readonly confidence: number;
}

const methodsOf: Readonly<Record<Origin, readonly BoundMethod[]>> = {
  'one-run': ['one-run', 'one-run-f-dp'],
  independent: ['clopper-pearson', 'gaussian', 'credible'],
};

/** @throws InvalidParameterError for a design without a rule, or with one that its origin cannot use */
export function scoresDesign(settings: ScoresDesign): AuditDesign {
  const { origin, scores, lower, guesses, thresholds, heldOut, delta, confidence } = settings;
  const rules: GuessRule[] = [
    ...guesses.map((r): GuessRule => {
      const members = Math.ceil(r / 2);
      return { kind: 'extremes', members, others: r - members };
    }),
    ...thresholds.map((at): GuessRule => ({ kind: 'threshold', at })),
  ];
  if (rules.length === 0) {
    throw new InvalidParameterError(
      'rules=0: an audit needs one that was fixed without the scores. Give --guesses R or --threshold T.',
    );
  }
  if (origin === 'independent' && guesses.length > 0) {
    throw new InvalidParameterError('guesses: are for one run. Give --threshold for independent trials.');
  }
  return {
    candidates: scores.flatMap((score) =>
      rules.map((rule) => ({ score, sign: lower ? (-1 as const) : (1 as const), rule })),
    ),
    methods: methodsOf[origin],
    selection: heldOut ? 'held-out' : 'all',
    delta,
    confidence,
  };
}

/** How well a score tells members apart. */
export interface ScoreFigures {
  readonly score: string;
  readonly auc: number;
  readonly tprAt001: number;
  readonly tprAt01: number;
}

export type ScoresAudit = (
  ({ readonly origin: 'one-run' } & OneRunAudit) | ({ readonly origin: 'independent' } & TwoWorldAudit)
) & { readonly attack: readonly ScoreFigures[] };

/**
 * Bounds from scores of any model.
 * @param registered - the design's hash as it was published before; null where it was not
 * @throws InvalidParameterError if that is the hash of another design
 */
export function auditScores(
  scored: ScoredCanaries,
  settings: ScoresDesign,
  registered: string | null,
): ScoresAudit {
  const design = scoresDesign(settings);
  const hash = designHash(design);
  if (registered !== null && registered !== hash) {
    throw new InvalidParameterError(
      `preregistered=${registered}: this design has ${hash}. Audit as it was registered.`,
    );
  }
  const audit =
    settings.origin === 'one-run'
      ? { origin: 'one-run' as const, ...auditOneRun(scored, design) }
      : { origin: 'independent' as const, ...auditTwoWorlds(scored, design) };
  const attack = settings.scores.map((score): ScoreFigures => {
    const values = Float64Array.from(scored.scores[score]!, (value) => (settings.lower ? -value : value));
    const roc = rocOf({ scores: values, members: scored.members });
    return {
      score,
      auc: roc.auc,
      tprAt001: truePositiveRate(roc, 0.001),
      tprAt01: truePositiveRate(roc, 0.01),
    };
  });
  return { ...audit, attack };
}
