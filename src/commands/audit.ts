import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import {
  attackRun,
  auditRun,
  auditWhiteBox,
  extractRecords,
  requireNoViolation,
  type AttackFigures,
  type ExtractionAttack,
  type RunAudit,
} from '../audit/index.ts';
import { writeReport } from '../report/index.ts';
import type { Observer, TrainedRun } from '../train/index.ts';
import { scores } from './audit-scores.ts';
import { watch } from './observing.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments {
  readonly run: string | undefined;
  readonly 'white-box': boolean;
  readonly steps: number;
  readonly attacks: boolean;
  readonly 'show-private': boolean;
  readonly shadows: number;
  readonly workers: number;
}

/** Measures how much a run really leaks: a lower bound of its epsilon, which is honest about its power. */
export const audit: CommandModule<CommonArguments, Arguments> = {
  command: 'audit [run]',
  describe: 'Measure what a run leaks about its canaries, or bound epsilon from scores',
  builder: (parser) => {
    parser.command(scores);
    return parser
      .positional('run', { type: 'string', describe: 'Directory of a finished run' })
      .option('white-box', {
        type: 'boolean',
        default: false,
        describe: "Replay steps of the run's own loop with gradient canaries, on its data and model",
      })
      .option('steps', {
        type: 'number',
        default: 250,
        requiresArg: true,
        describe: 'Steps of each phase to replay, 16 canaries each',
      })
      .option('attacks', {
        type: 'boolean',
        default: false,
        describe: 'Attack the natural records; figures stay in private/',
      })
      .option('show-private', {
        type: 'boolean',
        default: false,
        describe: 'With --attacks: also print how many records a language model writes out',
      })
      .option('shadows', {
        type: 'number',
        default: 0,
        requiresArg: true,
        describe: 'With --attacks: train so many models to compare with (LiRA, RMIA)',
      })
      .option('workers', {
        type: 'number',
        default: 2,
        requiresArg: true,
        describe: 'Shadow models that train at once',
      })
      .example('$0 audit run', 'exit 30 on a violation, 31 if the audit could not have found one')
      .example('$0 audit scores scores.csv --from one-run --guesses 100', "scores of anybody's model");
  },
  handler: async (args) => {
    if (args.run === undefined) {
      throw new InvalidParameterError('run: missing. Name the directory of a finished run.');
    }
    if (args.attacks && args['white-box']) {
      throw new InvalidParameterError('--attacks: is another audit than --white-box. Give one of them.');
    }
    const output = outputFor(args);
    if (args.attacks) {
      showAttacks(output, await attacked(args.run, args, output), args['show-private']);
      const { run } = args;
      const extracted = await watching(output, (observer) => extractRecords(run, observer));
      if (extracted) showExtraction(output, extracted, args['show-private']);
      return;
    }
    const found = await (args['white-box'] ? replayed(args.run, args.steps, output) : auditRun(args.run));
    const { page } = await writeReport(args.run);
    showAudit(output, found);
    output.line(`${page}: the report, with the audit`);
    requireNoViolation(found);
  },
};

async function attacked(
  run: string,
  { shadows, workers }: Pick<Arguments, 'shadows' | 'workers'>,
  output: Output,
): Promise<readonly AttackFigures[]> {
  const whole = [shadows, workers].every((count) => Number.isInteger(count) && count >= 0);
  if (!whole || shadows === 1) {
    throw new InvalidParameterError(
      `shadows=${shadows}, workers=${workers}: must be whole numbers, and not a single shadow. Give 0, or 8 and more.`,
    );
  }
  return watching(output, (observer) => attackRun(run, { shadows, workers, observer }));
}

/** Private: of natural records, and charged to nobody. */
function showAttacks(output: Output, figures: readonly AttackFigures[], showPrivate: boolean): void {
  if (!showPrivate) {
    output.line('membership: private/audit/attacks.json (private; --show-private prints it)');
    return;
  }
  output.table(
    figures.map(({ attack, group, members, others, auc, tprAt001, tprAt01 }) => ({
      attack,
      records: group,
      trained: members,
      'not trained': others,
      AUC: round(auc),
      'TPR at 0.1 % FPR': round(tprAt001),
      'TPR at 1 % FPR': round(tprAt01),
    })),
  );
  output.line(
    'private figures, in private/audit/attacks.json: they are of natural records and charged to nobody',
  );
  output.event({ event: 'attacks', figures });
}

function showExtraction(
  output: Output,
  { prefixTokens, suffixTokens, figures }: ExtractionAttack,
  showPrivate: boolean,
): void {
  if (!showPrivate) {
    output.line('extraction: private/audit/extraction.json (private; --show-private prints it)');
    return;
  }
  output.table(
    figures.map(({ model, records, tried, exact, nearExact, agreement }) => ({
      model,
      records,
      tried,
      'word for word': exact,
      'nearly so': nearExact,
      'tokens alike': round(agreement),
    })),
  );
  output.line(
    `extraction: the ${suffixTokens} tokens after the first ${prefixTokens} of each record, by the likeliest token; private, in private/audit/extraction.json`,
  );
  output.event({ event: 'extraction', prefixTokens, suffixTokens, figures });
}

async function replayed(run: string, steps: number, output: Output): Promise<RunAudit> {
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new InvalidParameterError(`steps=${steps}: must be a whole number of at least 1. Give 250.`);
  }
  return watching(output, (observer) => auditWhiteBox(run, { steps, canaries: 16 }, observer));
}

async function watching<T>(output: Output, work: (observer: Observer) => Promise<T>): Promise<T> {
  const observer = watch(output);
  try {
    return await work(observer);
  } finally {
    observer.end();
  }
}

/** Audits a run that has just finished, where its plan has canaries. */
export async function auditFinished(
  { plan, directory }: Pick<TrainedRun, 'plan' | 'directory'>,
  note: (text: string) => void,
): Promise<RunAudit | undefined> {
  if (!plan.audit) return undefined;
  note('audit: scoring the canaries');
  return auditRun(directory.root);
}

/** An audit that could have found nothing does not fail a training that went well; a violation does. */
export function showFinishedAudit(output: Output, audited: RunAudit): void {
  showAudit(output, audited);
  if (audited.verdict === 'violation') requireNoViolation(audited);
}

/** Prints the audit of a run, and of its non-private twin beside it. */
export function showAudit(output: Output, { isPrivate, verdict, results, exposure, twin }: RunAudit): void {
  output.table([...rowsOf('released', results), ...(twin ? rowsOf('NOT PRIVATE twin', twin.results) : [])]);
  const { confidence, canaryDesign, adversary, noiseMultiplier } = results[0]!;
  if (noiseMultiplier !== undefined)
    output.line(`noise measured in the steps: ${round(noiseMultiplier)} times the clipping norm`);
  output.line(
    `audit: ${isPrivate ? verdict : `NOT PRIVATE, measured by what its plan would claim: ${verdict}`} (adversary ${adversary}: ${sees[adversary]}; ${canaryDesign}; ${100 * confidence} % confidence for each bound)`,
  );
  for (const [model, of] of [
    ['released', exposure],
    ['NOT PRIVATE twin', twin?.exposure],
  ] as const) {
    if (of) output.line(exposureLine(model, of));
  }
  if (twin) {
    output.line(
      twin.verdict === 'violation'
        ? 'The NOT PRIVATE twin, measured by the same claim, is caught.'
        : `The NOT PRIVATE twin, measured by the same claim: ${twin.verdict}. This adversary sees too little of it.`,
    );
  }
  output.event({
    event: 'audit',
    isPrivate,
    verdict,
    results,
    exposure: exposure ?? null,
    twin: twin ?? null,
  });
}

function exposureLine(model: string, of: NonNullable<RunAudit['exposure']>): string {
  return (
    `exposure, ${model}: median ${round(of.median)} bits of at most ${round(of.ceiling)} by rank, ` +
    `${round(of.extrapolatedMedian)} extrapolated (largest ${round(of.extrapolatedLargest)}); 1 is a model that learnt nothing. No bound of epsilon`
  );
}

const sees: Readonly<Partial<Record<RunAudit['results'][number]['adversary'], string>>> = {
  A1: 'the final model',
  A3: 'every noisy step',
};

function rowsOf(model: string, results: RunAudit['results']) {
  return results.map(({ method, r, v, epsilonLower, ceiling, claim, attack }) => ({
    model,
    bound: method,
    right: `${v} of ${r}`,
    'epsilon at least': round(epsilonLower),
    ceiling: round(ceiling),
    claimed: round(claim),
    AUC: attack && round(attack.auc),
    'TPR at 1 % FPR': attack && round(attack.tprAt01),
  }));
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
