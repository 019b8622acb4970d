import { readFile, writeFile } from 'node:fs/promises';
import {
  canonicalJson,
  DptuneError,
  InvalidParameterError,
  signCheckpoint,
  type LogEntry,
} from '../../privacy/index.ts';
import { checkpointOf, entriesOf, headOf, ownKeys, treeOf, verifyLedger } from '../ledger/index.ts';
import type { Action } from './actions.ts';
import { keyOption, ledgerOption, onLedger, signerFor, type LedgerArguments } from './budget-ledger.ts';
import { passphraseOption } from './passphrase.ts';

interface LogArguments extends LedgerArguments {
  readonly scope: string | undefined;
  readonly job: string | undefined;
}

export const log: Action<LogArguments> = {
  command: 'log',
  describe: 'Show the log: who did what, when',
  builder: (parser) =>
    parser
      .option('scope', { type: 'string', requiresArg: true, describe: 'Entries of one scope' })
      .option('job', { type: 'string', requiresArg: true, describe: 'Entries of one reservation' })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const { scope, job } = args;
      const entries = await entriesOf(ledger.database.read, {
        ...(scope !== undefined && { scope }),
        ...(job !== undefined && { job }),
      });
      output.table(
        entries.map(({ seq, time, type, scope: where, actor, host, payload }) => ({
          seq,
          time: time.slice(0, 19),
          type,
          scope: where,
          by: `${actor}@${host}`,
          what: summaryOf(payload),
        })),
      );
      for (const entry of entries) output.event({ event: 'entry', entry });
    }),
};

function summaryOf(payload: LogEntry['payload']): string {
  const { job, steps, reason, publicKey, keyName, description, plan } = payload as Record<string, unknown>;
  const parts = [description, job, keyName, plan, publicKey, steps && JSON.stringify(steps), reason];
  return parts.filter((part) => part !== undefined && part !== '{}').join(' ');
}

interface VerifyArguments extends LedgerArguments {
  readonly checkpoint: readonly string[];
  readonly trust: readonly string[];
  readonly key: string | undefined;
  readonly out: string | undefined;
  readonly 'passphrase-file': string | undefined;
}

export const verifyLog: Action<VerifyArguments> = {
  command: 'verify',
  describe: 'Check the whole ledger: every hash, rule and cost, and that nothing was cut off',
  builder: (parser) =>
    parser
      .option('checkpoint', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [] as string[],
        describe:
          'Earlier checkpoint, or a ledger.json that has one: the log must go on from it (may be repeated)',
      })
      .option('trust', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [] as string[],
        describe:
          'Public key NAME+HASH+BASE64 that may have signed it; your own are trusted (may be repeated)',
      })
      .option('key', keyOption)
      .option('out', { type: 'string', requiresArg: true, describe: 'Write the new signed checkpoint here' })
      .option('passphrase-file', passphraseOption)
      .option('ledger', ledgerOption)
      .implies('out', 'key')
      .example(
        '$0 budget verify --key lab --out today.checkpoint',
        'keep it where the ledger’s owner cannot change it',
      )
      .example('$0 budget verify --checkpoint today.checkpoint', 'later: nothing was taken back since'),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const keys = [...ownKeys().map(({ text }) => text), ...args.trust];
      const anchors = await Promise.all(
        args.checkpoint.map(async (path) => ({ note: await checkpointIn(path), keys })),
      );
      const { faults, checkpoint } = await verifyLedger(ledger.database, anchors);
      for (const fault of faults) output.line(fault);
      if (faults.length > 0) {
        output.event({ event: 'verified', passed: false, faults, checkpoint });
        throw new DptuneError(
          'verification',
          `ledger=${ledger.place}: ${faults.length} faults. It was changed by other means than this program; restore it from a copy.`,
        );
      }
      const signer = await signerFor(args.key, args['passphrase-file']);
      const note = signer && signCheckpoint(checkpoint, [signer]);
      if (note !== undefined && args.out !== undefined) await writeFile(args.out, note);
      output.line(`${checkpoint.size} entries, sound; root ${checkpoint.root}`);
      if (note !== undefined) output.line(note);
      output.event({ event: 'verified', passed: true, faults, checkpoint, note: note ?? null });
    }),
};

/** A signed note, by itself or in a ledger.json. */
async function checkpointIn(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  if (!text.trimStart().startsWith('{')) return text;
  const { checkpoint } = JSON.parse(text) as { checkpoint?: unknown };
  if (typeof checkpoint === 'string') return checkpoint;
  throw new InvalidParameterError(`checkpoint=${path}: is not signed. Give one that is (train --key NAME).`);
}

interface ProveArguments extends LedgerArguments {
  readonly seq: number;
}

export const prove: Action<ProveArguments> = {
  command: 'prove',
  describe: 'Print an entry with the proof that it is in the log, as JSON',
  builder: (parser) =>
    parser
      .option('seq', {
        type: 'number',
        demandOption: true,
        requiresArg: true,
        describe: 'Number of the entry',
      })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, (ledger, output) =>
      ledger.database.exclusive(async (db) => {
        const tree = await treeOf(db);
        const proof = tree.inclusionProof(args.seq);
        const [entry] = await entriesOf(db, { seq: args.seq });
        const found = { entry, proof, head: checkpointOf(await headOf(db)) };
        output.line(JSON.stringify(found, null, 2));
        output.event({ event: 'proof', ...found });
      }),
    ),
};

interface ExportArguments extends LedgerArguments {
  readonly out: string;
}

export const exportLog: Action<ExportArguments> = {
  command: 'export',
  describe: 'Write the whole log to a file, one entry a line',
  builder: (parser) =>
    parser
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'File to write' })
      .option('ledger', ledgerOption),
  handler: (args) =>
    onLedger(args, async (ledger, output) => {
      const entries = await entriesOf(ledger.database.read);
      await writeFile(args.out, entries.map((entry) => `${canonicalJson(entry)}\n`).join(''), { flag: 'wx' });
      output.line(`${entries.length} entries written to ${args.out}`);
      output.event({ event: 'exported', entries: entries.length, out: args.out });
    }),
};
