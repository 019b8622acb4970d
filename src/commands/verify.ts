import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { DataError, DptuneError, InvalidParameterError } from '../../privacy/errors.ts';
import type { LogEntry } from '../../privacy/index.ts';
import { verify, type Check, type Verification } from '../verify/index.ts';
import { outputFor, type CommonArguments, type Output } from './output.ts';

interface Arguments extends CommonArguments {
  readonly path: string;
  readonly checkpoint: string | undefined;
  readonly log: string | undefined;
  readonly trust: readonly string[];
  readonly explain: boolean;
}

/** Checks a run, a release or a bundle without trusting whoever made it. */
export const verifyRun: CommandModule<CommonArguments, Arguments> = {
  command: 'verify <path>',
  describe: 'Check a run, a release or a bundle, without trusting whoever made it',
  builder: (parser) =>
    parser
      .positional('path', {
        type: 'string',
        demandOption: true,
        describe: 'Run directory, release directory, or bundle',
      })
      .option('trust', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [] as string[],
        describe:
          'Public key NAME+HASH+BASE64, or a file of them, that must have signed the release (may be repeated)',
      })
      .option('checkpoint', {
        type: 'string',
        requiresArg: true,
        describe: 'Earlier checkpoint of the ledger, or a ledger.json that holds one',
      })
      .option('log', {
        type: 'string',
        requiresArg: true,
        implies: 'checkpoint',
        describe: 'All entries of the ledger, by dptune budget export, if it grew since the checkpoint',
      })
      .option('explain', { type: 'boolean', default: false, describe: 'Say what each check does' })
      .example('$0 verify runs/reviews', 'a run of your own')
      .example('$0 verify reviews.tar --trust lab+1a2b3c4d+AQ...', 'a bundle from someone else'),
  handler: async (args) => {
    const output = outputFor(args);
    const { checkpoint, log } = args;
    const found = await verify(args.path, {
      trust: (await Promise.all(args.trust.map(keysIn))).flat(),
      ...(checkpoint !== undefined && { checkpoint: await checkpointIn(checkpoint) }),
      ...(log !== undefined && { log: await logIn(log) }),
    });
    showVerification(output, found, args.explain);
    if (!found.passed) throw failureOf(args.path, found);
  },
};

/** The table, and what follows from it. */
export function showVerification(output: Output, found: Verification, explain: boolean): void {
  for (const check of found.checks) output.event({ event: 'check', ...check });
  output.table(
    found.checks.map(({ id, outcome, title, detail, explanation }) => ({
      check: id,
      result: outcome,
      detail: explain
        ? `${title}. ${explanation} Found: ${detail}`
        : outcome === 'passed'
          ? `${title}: ${detail}`
          : detail,
    })),
  );
  output.line();
  const left = found.checks.filter(({ outcome }) => outcome === 'not checked').map(({ id }) => id);
  if (found.passed) {
    const said = found.stamp === 'PRIVATE' ? '' : ', and says that this run is NOT PRIVATE';
    const open = left.length > 0 ? `; not checked: ${left.join(', ')}` : '';
    output.line(`verified: the release holds together${said}${open}`);
    output.line(`report.json has SHA-256 ${found.reportDigest}`);
  }
  output.event({
    event: 'done',
    passed: found.passed,
    source: found.source,
    stamp: found.stamp,
    reportDigest: found.reportDigest,
    notChecked: left,
  });
}

/** Why a release is not believed. */
export function failureOf(path: string, { checks }: Verification): DptuneError {
  const broken = checks
    .filter(isBroken)
    .map(({ id, outcome }) => (outcome === 'failed' ? id : `${id} (not checked)`));
  return new DptuneError(
    'verification',
    `${path}: ${broken.length} of ${checks.length} checks did not pass: ${broken.join(', ')}. Do not rely on it; ask its producer for the files as they were made.`,
  );
}

function isBroken({ outcome, needed }: Check): boolean {
  return outcome === 'failed' || (outcome === 'not checked' && needed);
}

async function keysIn(given: string): Promise<string[]> {
  if (!existsSync(given)) return [given];
  const lines = (await readFile(given, 'utf8')).split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/** A signed note, by itself or in a ledger.json. */
async function checkpointIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  if (!text.startsWith('{')) return text;
  const { checkpoint } = JSON.parse(text) as { readonly checkpoint?: unknown };
  if (typeof checkpoint === 'string') return checkpoint;
  throw new InvalidParameterError(
    `checkpoint=${path}: holds no signed checkpoint. Give a note, or the ledger.json of a release that has one.`,
  );
}

/** Lines of JSON, one an entry. What they say is checked, not believed. */
async function logIn(path: string): Promise<LogEntry[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line, k) => {
    try {
      return JSON.parse(line) as LogEntry;
    } catch (error) {
      throw new DataError(`${path}:${k + 1}: is no JSON. Give a file made by dptune budget export.`, {
        cause: error,
      });
    }
  });
}
