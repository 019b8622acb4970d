import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { auditRun, requireNoViolation, type RunAudit } from '../audit/index.ts';
import { writeReport } from '../report/index.ts';
import type { TrainedRun } from '../train/index.ts';
import { scores } from './audit-scores.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments {
  readonly run: string | undefined;
}

/** Measures how much a run really leaks: a lower bound of its epsilon, which is honest about its power. */
export const audit: CommandModule<CommonArguments, Arguments> = {
  command: 'audit [run]',
  describe: 'Measure what a run leaks about its canaries, or bound epsilon from scores',
  builder: (parser) => {
    parser.command(scores);
    return parser
      .positional('run', { type: 'string', describe: 'Directory of a finished run' })
      .example('$0 audit run', 'exit 30 on a violation, 31 if the audit could not have found one')
      .example('$0 audit scores scores.csv --from one-run --guesses 100', "scores of anybody's model");
  },
  handler: async (args) => {
    if (args.run === undefined) {
      throw new InvalidParameterError('run: missing. Name the directory of a finished run.');
    }
    const output = outputFor(args);
    const found = await auditRun(args.run);
    const { page } = await writeReport(args.run);
    showAudit(output, found);
    output.line(`${page}: the report, with the audit`);
    requireNoViolation(found);
  },
};

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
export function showAudit(output: Output, { isPrivate, verdict, results, twin }: RunAudit): void {
  output.table([...rowsOf('released', results), ...(twin ? rowsOf('NOT PRIVATE twin', twin.results) : [])]);
  const { confidence, canaryDesign, adversary } = results[0]!;
  output.line(
    `audit: ${isPrivate ? verdict : `NOT PRIVATE, measured by what its plan would claim: ${verdict}`} (adversary ${adversary}: the final model; ${canaryDesign}; ${100 * confidence} % confidence for each bound)`,
  );
  output.event({ event: 'audit', isPrivate, verdict, results, twin: twin ?? null });
}

function rowsOf(model: string, results: RunAudit['results']) {
  return results.map(({ method, r, v, epsilonLower, ceiling, claim, attack }) => ({
    model,
    bound: method,
    right: `${v} of ${r}`,
    'epsilon at least': round(epsilonLower),
    ceiling: round(ceiling),
    claimed: round(claim),
    AUC: round(attack.auc),
    'TPR at 1 % FPR': round(attack.tprAt01),
  }));
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
