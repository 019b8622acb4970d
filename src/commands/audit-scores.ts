import type { CommandModule } from 'yargs';
import { designHash, type AuditBound } from '../../audits/index.ts';
import { DptuneError, InvalidParameterError } from '../../privacy/errors.ts';
import {
  auditScores,
  readScores,
  scoresDesign,
  type Origin,
  type ScoresAudit,
  type ScoresDesign,
} from '../audit/index.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments {
  readonly file: string | undefined;
  readonly from: Origin;
  readonly score: readonly string[];
  readonly member: string;
  readonly split: string | undefined;
  readonly lower: boolean;
  readonly guesses: readonly number[];
  readonly threshold: readonly number[];
  readonly delta: number;
  readonly confidence: number;
  readonly adversary: string;
  readonly claim: number | undefined;
  readonly register: boolean;
  readonly preregistered: string | undefined;
}

/** Lower bounds of epsilon from scores of any model. */
export const scores = {
  command: 'scores [file]',
  describe: "Bounds from scores of anybody's model: a file of scores and of who was trained on",
  builder: (parser) =>
    parser
      .positional('file', { type: 'string', describe: 'CSV or JSON Lines: score, member (0 or 1)' })
      .option('from', {
        choices: ['one-run', 'independent'] as const,
        demandOption: true,
        describe:
          'one-run: canaries of one training, each in it by a fair coin; independent: each score from a training, or a noisy step, of its own',
      })
      .option('score', { type: 'array', string: true, default: ['score'], describe: 'Columns of scores' })
      .option('member', { type: 'string', default: 'member', describe: 'Column of 0 and 1' })
      .option('split', {
        type: 'string',
        requiresArg: true,
        describe: 'Column of choose and judge: the rule is chosen on one part and judged on the other',
      })
      .option('lower', { type: 'boolean', default: false, describe: 'Members score lower, as with losses' })
      .option('guesses', {
        type: 'array',
        number: true,
        default: [] as number[],
        describe: 'Guess so many, the most extreme scores; several are corrected for',
      })
      .option('threshold', {
        type: 'array',
        number: true,
        default: [] as number[],
        describe: 'Call a member what scores so much; several are corrected for',
      })
      .option('delta', { type: 'number', default: 1e-5, describe: 'Delta of the claim' })
      .option('confidence', { type: 'number', default: 0.95, describe: 'Of each bound' })
      .option('adversary', {
        choices: ['A0', 'A1', 'A2', 'A3', 'A4'] as const,
        default: 'A0' as const,
        describe: 'Who could have these scores, from A0 (queries of the final model) to A4 (one noisy step)',
      })
      .option('claim', {
        type: 'number',
        requiresArg: true,
        describe: 'Claimed epsilon: exit 30 if it is refuted, 31 if it could not have been',
      })
      .option('register', {
        type: 'boolean',
        default: false,
        describe: 'Only print the hash of this design, to publish it before there are scores',
      })
      .option('preregistered', {
        type: 'string',
        requiresArg: true,
        describe: 'The hash that was published: audit by that design or not at all',
      })
      .example('$0 audit scores --from one-run --guesses 100 --register', 'fix the design first')
      .example('$0 audit scores scores.csv --from one-run --guesses 100', 'then bound'),
  handler: async (args) => {
    const output = outputFor(args);
    const settings: ScoresDesign = {
      origin: args.from,
      scores: args.score,
      lower: args.lower,
      guesses: args.guesses,
      thresholds: args.threshold,
      heldOut: args.split !== undefined,
      delta: args.delta,
      confidence: args.confidence,
    };
    if (args.register) {
      const hash = designHash(scoresDesign(settings));
      output.line(hash);
      output.event({ event: 'design', hash });
      return;
    }
    if (args.file === undefined) {
      throw new InvalidParameterError('file: missing. Name a file of scores, or --register the design.');
    }
    const columns = { scores: args.score, member: args.member };
    const scored = await readScores(args.file, {
      ...columns,
      ...(args.split !== undefined && { split: args.split }),
    });
    const found = auditScores(scored, settings, args.preregistered ?? null);
    show(output, found, args);
    if (args.claim !== undefined) requireClaim(found.bounds[0]!, args.claim);
  },
} satisfies CommandModule<CommonArguments, Arguments>;

const names: Readonly<Record<AuditBound['method'], string>> = {
  'one-run': 'one run (Steinke et al. 2023)',
  'one-run-f-dp': 'one run, f-DP (Mahloujifar et al. 2024)',
  'clopper-pearson': 'Clopper-Pearson (Jagielski et al. 2020)',
  gaussian: 'Gaussian (Nasr et al. 2023)',
  credible: 'credible (Zanella-Beguelin et al. 2022)',
};

function show(output: Output, found: ScoresAudit, { adversary, preregistered, claim }: Arguments): void {
  const { delta, confidence, correction, bounds, attack } = found;
  output.table(
    bounds.map(({ method, family, epsilonLower, ceiling }) => ({
      bound: names[method],
      'epsilon at least': figure(epsilonLower),
      ceiling: figure(ceiling),
      'holds for': family === null ? 'every mechanism' : `${family} only`,
    })),
  );
  output.line();
  output.table(
    attack.map(({ score, auc, tprAt001, tprAt01 }) => ({
      score,
      AUC: figure(auc),
      'TPR at 0.1 % FPR': figure(tprAt001),
      'TPR at 1 % FPR': figure(tprAt01),
    })),
  );
  output.line();
  const counts =
    found.origin === 'one-run'
      ? `${found.guesses.v} of ${found.guesses.r} guesses right, ${found.guesses.m} canaries`
      : `${found.errors.falsePositives} of ${found.errors.negatives} false alarms, ${found.errors.falseNegatives} of ${found.errors.positives} missed`;
  output.line(`${counts}. Adversary ${adversary}, delta ${delta}, confidence ${confidence} for each bound.`);
  output.line(
    `Rules: ${correction.candidates}, ${{ none: 'no choice', bonferroni: 'corrected for their number', 'held-out': 'chosen on the held-out part' }[correction.kind]}.`,
  );
  output.line(
    preregistered === undefined
      ? `Not pre-registered: right only if this design was fixed without a look at these scores (--register). Hash ${found.designHash}.`
      : `Pre-registered as ${found.designHash}.`,
  );
  output.event({
    event: 'audit',
    ...found,
    adversary,
    preregistered: preregistered ?? null,
    claim: claim ?? null,
  });
}

/** The bound that holds for every mechanism decides, and no other. */
function requireClaim({ epsilonLower, ceiling }: AuditBound, claim: number): void {
  if (epsilonLower > claim) {
    throw new DptuneError(
      'violation',
      `claim=${claim}: is refuted, epsilon is at least ${figure(epsilonLower)}. Look for the error in what was claimed.`,
    );
  }
  if (ceiling <= claim) {
    throw new DptuneError(
      'inconclusive',
      `claim=${claim}: could not have been refuted, the ceiling is ${figure(ceiling)}. Score more canaries or make more guesses.`,
    );
  }
}

function figure(value: number): number {
  return Number(value.toPrecision(6));
}
