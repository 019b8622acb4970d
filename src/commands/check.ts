import type { CommandModule } from 'yargs';
import { loadJob, overrideOption } from '../config/index.ts';
import { checkConformance, efforts, requireConformance, type Conformance } from '../conformance/index.ts';
import { InterruptedError, openJob, type Observer, type ReadyJob } from '../train/index.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments {
  readonly job: string;
  readonly set: readonly string[];
}

/** Tier 0 of the audits: whether the job's mechanism does what its plan says, on its own model and data. */
export const check: CommandModule<CommonArguments, Arguments> = {
  command: 'check <job>',
  describe: "Watch a job's own mechanism at work, before any training",
  builder: (parser) =>
    parser
      .positional('job', { type: 'string', demandOption: true, describe: 'Job file' })
      .option('set', overrideOption)
      .example('$0 check job.yaml', 'clipping, noise, sampling and charging, watched; 30 where one is wrong'),
  handler: async (args) => {
    const output = outputFor(args);
    const job = await openJob((await loadJob(args.job, args.set)).config);
    try {
      const found = await checkConformance(job, efforts.full);
      show(output, found);
      requireConformance(found);
    } finally {
      await job.model.directory.close();
    }
  },
};

function show(output: Output, found: Conformance): void {
  for (const { id, title, passed, detail } of found.checks) {
    output.line(`${passed ? 'ok   ' : 'WRONG'} ${id}: ${title}`);
    output.line(`      ${detail}`);
  }
  output.line();
  output.line(summaryOf(found));
  output.event({ event: 'conformance', ...found });
}

function summaryOf({ checks, falseAlarm, seconds }: Conformance): string {
  const right = checks.filter(({ passed }) => passed).length;
  return `conformance: ${right} of ${checks.length} checks passed in ${seconds} s; a job without fault fails with probability ${falseAlarm.toExponential(0)} at most`;
}

/** What a run is started with: the same checks on less, and no training unless all pass. */
export function checkFirst({ note, stopping }: Observer): (job: ReadyJob) => Promise<Conformance> {
  return async (job) => {
    note('watching the mechanism at work, before any training');
    const found = requireConformance(await checkConformance(job, efforts.start));
    if (stopping()) throw new InterruptedError('interrupted. Nothing was begun or charged; start again.');
    note(`${summaryOf(found)}: ${found.checks.map(({ id }) => id).join(', ')}`);
    return found;
  };
}
