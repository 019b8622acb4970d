import type { CommandModule } from 'yargs';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { auditFinished, showFinishedAudit } from './audit.ts';
import { checkFirst } from './check.ts';
import { keyOption, ledgerOption, signerFor } from './budget-ledger.ts';
import { roundedUp } from '../../privacy/figures.ts';
import { loadJob, overrideOption } from '../config/index.ts';
import { createEventFile, type EventFile } from '../evaluate/index.ts';
import { writeReport } from '../report/index.ts';
import {
  finishRun,
  readPlanFile,
  resumeJob,
  trainJob,
  type Finished,
  type Observer,
  type TrialOf,
} from '../train/index.ts';
import { jsonIn, required } from './given.ts';
import { watch } from './observing.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';
import { passphraseOption } from './passphrase.ts';
import { signRelease } from './signing.ts';

interface Arguments extends CommonArguments {
  readonly job: string | undefined;
  readonly out: string | undefined;
  readonly resume: string | undefined;
  readonly plan: string | undefined;
  readonly 'non-private': boolean;
  readonly 'show-private': boolean;
  readonly tensorboard: string | undefined;
  readonly ledger: string | undefined;
  readonly key: string | undefined;
  readonly 'passphrase-file': string | undefined;
  readonly search: string | undefined;
  readonly shadow: number | undefined;
  readonly set: readonly string[];
}

const jobRemedy = 'Name a job file (dptune init writes one), or a run to go on with: --resume RUN.';
const outRemedy = 'Name a new directory for the run: --out RUN.';

/** Trains a job, or goes on with one. */
export const train: CommandModule<CommonArguments, Arguments> = {
  command: 'train [job]',
  describe: 'Train a job under its privacy budget, and evaluate it',
  builder: (parser) =>
    parser
      .positional('job', { type: 'string', describe: 'Job file' })
      .option('out', { type: 'string', requiresArg: true, describe: 'New directory for the run' })
      .option('resume', {
        type: 'string',
        requiresArg: true,
        describe: 'Go on with the interrupted run in this directory',
        conflicts: ['out', 'plan'],
      })
      .option('plan', {
        type: 'string',
        requiresArg: true,
        describe: 'Run exactly this plan.json, or exit with 21',
      })
      .option('non-private', {
        type: 'boolean',
        default: false,
        describe: 'Train without clipping and noise, for comparison; stamped NOT PRIVATE',
      })
      .option('show-private', {
        type: 'boolean',
        default: false,
        describe: 'Also print private figures: the data report and training losses',
      })
      .option('tensorboard', {
        type: 'string',
        requiresArg: true,
        describe: 'Directory for TensorBoard files of what is public',
      })
      .option('search', { type: 'string', requiresArg: true, hidden: true, conflicts: 'resume' })
      .option('ledger', ledgerOption)
      .option('key', {
        ...keyOption,
        describe: 'Key that signs the release and the checkpoint in it, by dptune keys',
      })
      .option('passphrase-file', passphraseOption)
      .option('shadow', { type: 'number', requiresArg: true, hidden: true, conflicts: 'resume' })
      .option('set', overrideOption)
      .example('$0 train job.yaml --out run', 'train and evaluate')
      .example('$0 train job.yaml --out run -s privacy.epsilon=3', 'with another budget')
      .example('$0 train --resume run', 'go on after an interruption'),
  handler: async (args) => {
    const ignored = args.resume !== undefined && ignoredBesideResume(args);
    if (ignored) {
      throw new InvalidParameterError(
        `${ignored}: has no effect with --resume, which goes on as the run was started. Leave it out, or start a new run.`,
      );
    }
    const output = outputFor(args);
    const terminal = watch(output);
    const board = args.tensorboard === undefined ? undefined : createEventFile(args.tensorboard);
    const observer = board ? recorded(terminal, board) : terminal;
    try {
      const started = performance.now();
      const signer = await signerFor(args.key, args['passphrase-file']);
      const options = {
        observer,
        showPrivate: args['show-private'],
        check: checkFirst(observer),
        ...(args.ledger !== undefined && { ledger: args.ledger }),
        ...(signer && { signer }),
      };
      const run =
        args.resume === undefined
          ? await trainJob((await loadJob(required(args.job, 'job', jobRemedy), args.set)).config, {
              ...options,
              out: required(args.out, 'out', outRemedy),
              nonPrivate: args['non-private'],
              ...(args.plan !== undefined && { plan: await readPlanFile(args.plan) }),
              ...(args.shadow !== undefined && { shadow: args.shadow }),
              ...(args.search !== undefined && { search: (await jsonIn(args.search)) as TrialOf }),
            })
          : await resumeJob(args.resume, options);
      const finished = await finishRun(run, options);
      const audited = await auditFinished(run, observer.note);
      const { page } = await writeReport(finished.directory.root);
      if (signer) await signRelease(finished.directory.release, signer);
      terminal.end();
      board?.write(
        finished.steps,
        scalarsOf('test', finished.metrics['private'] ?? finished.metrics['nonPrivate']),
      );
      show(output, finished, page, (performance.now() - started) / 1000);
      if (audited) showFinishedAudit(output, audited);
    } finally {
      terminal.end();
      board?.close();
    }
  },
};

function ignoredBesideResume(args: Arguments): string | undefined {
  if (args.job !== undefined) return `job=${args.job}`;
  if (args.set.length > 0) return `--set ${args.set[0]}`;
  return args['non-private'] ? '--non-private' : undefined;
}

/** Also writes what is public into a TensorBoard file: epsilon by step, figures on public validation data. */
function recorded(observer: Observer, board: EventFile): Observer {
  return {
    ...observer,
    step: (state) => {
      observer.step(state);
      const every = Math.ceil(state.steps / 200);
      if (Number.isFinite(state.epsilon) && state.step % every === 0) {
        board.write(state.step, { 'privacy/epsilon': state.epsilon });
      }
    },
    event: (event) => {
      observer.event(event);
      if (event['event'] === 'validation') {
        board.write(event['step'] as number, scalarsOf('validation', event['metrics']));
      }
    },
  };
}

function scalarsOf(group: string, metrics: unknown): Record<string, number> {
  const figures = Object.entries((metrics ?? {}) as Record<string, unknown>);
  const numbers = figures.filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries(numbers.map(([name, value]) => [`${group}/${name}`, value]));
}

/** Result of a run, for people and as the last event. */
export function show(output: Output, finished: Finished, page: string, seconds: number): void {
  const { epsilon, delta, steps, metrics, directory, rows } = finished;
  output.line();
  output.table(rows);
  output.line();
  output.line(
    Number.isFinite(epsilon)
      ? `epsilon ${roundedUp(epsilon, 4)} at delta ${delta} after ${steps} steps, in ${seconds.toFixed(1)} s`
      : `NOT PRIVATE: ${steps} steps without clipping and noise, in ${seconds.toFixed(1)} s`,
  );
  output.line(
    `${directory.release}: ${Number.isFinite(epsilon) ? 'may be published under that guarantee' : 'carries no guarantee'}`,
  );
  output.line(`${directory.private}: must stay where it is`);
  output.line(`${page}: the report`);
  output.event({ event: 'done', epsilon, delta, steps, seconds, metrics, report: page });
}
