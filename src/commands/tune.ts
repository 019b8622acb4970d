import type { CommandModule } from 'yargs';
import { InvalidParameterError, roundedUp, secureStream } from '../../privacy/index.ts';
import { loadSearch } from '../config/index.ts';
import { planSearch, runSearch, startSearch, type SearchPlan } from '../tune/index.ts';
import { keyOption, signerFor } from './budget-ledger.ts';
import { required } from './given.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';
import { passphraseOption } from './passphrase.ts';

interface Arguments extends CommonArguments {
  readonly search: string | undefined;
  readonly out: string | undefined;
  readonly resume: string | undefined;
  readonly parallel: number;
  readonly plan: boolean;
  readonly key: string | undefined;
  readonly 'passphrase-file': string | undefined;
}

/** Searches for settings under a budget. */
export const tune: CommandModule<CommonArguments, Arguments> = {
  command: 'tune [search]',
  describe: 'Search for the settings of a job, with the search itself paid for',
  builder: (parser) =>
    parser
      .positional('search', { type: 'string', describe: 'Search file' })
      .option('out', { type: 'string', requiresArg: true, describe: 'New directory for the search' })
      .option('resume', {
        type: 'string',
        requiresArg: true,
        describe: 'Go on with the interrupted search in this directory',
        conflicts: 'out',
      })
      .option('parallel', { type: 'number', default: 1, describe: 'Trials that run at the same time' })
      .option('key', keyOption)
      .option('passphrase-file', passphraseOption)
      .option('plan', {
        type: 'boolean',
        default: false,
        describe: 'Say what the search would cost, and end',
      })
      .example('$0 tune search.yaml --plan', 'what each way of searching costs')
      .example('$0 tune search.yaml --out search', 'the best model lies in search/run'),
  handler: async (args) => {
    const output = outputFor(args);
    if (!Number.isSafeInteger(args.parallel) || args.parallel < 1) {
      throw new InvalidParameterError(`parallel=${args.parallel}: must be a whole number of at least 1.`);
    }
    if (args.resume !== undefined && args.search !== undefined) {
      throw new InvalidParameterError(
        `search=${args.search}: has no effect with --resume, which goes on as the search was started. Leave it out.`,
      );
    }
    if (args.resume === undefined) {
      const plan = await planSearch(await loadSearch(required(args.search, 'search', 'Name a search file.')));
      showPlan(output, plan);
      if (args.plan) return;
      const out = required(args.out, 'out', 'Name a new directory: --out DIR.');
      const signer = await signerFor(args.key, args['passphrase-file']);
      await startSearch(plan, out, secureStream(), signer);
    }
    output.note('trials run in processes of their own; what is printed here is what the search releases');
    const { best, run } = await runSearch(args.resume ?? args.out!, {
      parallel: args.parallel,
      finished: ({ candidate, figure }, index, of) => {
        output.line(`${index + 1}/${of}  ${figure.toFixed(4)}  ${candidate.overrides.join('  ')}`);
        output.event({ event: 'trial', index, of, figure, overrides: candidate.overrides });
      },
    });
    output.line();
    if (best) {
      output.line(
        `best: ${best.candidate.overrides.join('  ')} (${best.figure.toFixed(4)} on public validation data)`,
      );
      output.line(`its run: ${run}`);
    } else output.line('The secret number of trials was 0: nothing is released. The budget is spent.');
    output.event({
      event: 'done',
      run: best ? run : null,
      overrides: best?.candidate.overrides ?? null,
      figure: best?.figure ?? null,
    });
  },
};

function showPlan(output: Output, { candidates, part, trials, method, metric }: SearchPlan): void {
  const { privacy } = candidates[0]!.plan;
  const worst = Math.max(...candidates.map(({ plan }) => plan.privacy.epsilon));
  output.line(`Candidates  ${candidates.length}, compared by ${metric} on public validation data`);
  output.line(`One trial   epsilon ${roundedUp(worst, 4)} at delta ${privacy.delta}`);
  if (trials !== 'each') {
    output.line(
      `Trials      a secret number, ${trials.mean} on average (${trials.shape === 'poisson' ? 'Poisson' : `negative binomial of shape ${trials.shape}`}), of random candidates`,
    );
  }
  output.line(
    part
      ? `Guarantee   epsilon ${roundedUp(part.epsilon, 4)} at delta ${privacy.delta} for the whole search and the released model`
      : 'Guarantee   none is spent: trials learn from public data',
  );
  output.line();
  output.event({
    event: 'search-plan',
    method,
    candidates: candidates.map(({ overrides, plan }) => ({ overrides, epsilon: plan.privacy.epsilon })),
    trials,
    epsilon: part?.epsilon ?? 0,
    delta: privacy.delta,
  });
}
