import {
  logFaults,
  merkleTree,
  openCheckpoint,
  parseVerifierKey,
  type Checkpoint,
  type LogEntry,
} from '../../privacy/index.ts';
import { failed, notChecked, passed, unless, type Finding, type Rule } from './check.ts';
import { ledgerOf, NO_LEDGER } from './ledger.ts';

export const checkpointRule: Rule = {
  id: 'checkpoint',
  title: 'The ledger goes on from an earlier checkpoint',
  explanation:
    'Given a checkpoint seen earlier (in another report of the same ledger, or kept outside), the log must contain all that was in it; entries that were cut off, rolled back or rewritten since then do not. Where the two logs differ in size, the log itself is needed: its entries are hashed, chained and replayed by the rules of budgets, and give both roots.',
  isNeeded: ({ checkpoint }) => checkpoint !== undefined,
  run: (subject) => {
    const { checkpoint, log, trusted } = subject;
    const ledger = ledgerOf(subject);
    if (checkpoint === undefined) return notChecked('no earlier checkpoint was given (--checkpoint FILE)');
    if (!ledger) return failed(NO_LEDGER);
    const own = ledger.publicKey === null ? [] : [parseVerifierKey(ledger.publicKey)];
    const earlier = openCheckpoint(checkpoint, [...trusted, ...own]);
    if (!earlier)
      return failed('the checkpoint given is signed by no trusted key, nor by the key of the ledger');
    return compare(earlier, ledger.head, log);
  },
};

function compare(earlier: Checkpoint, head: Checkpoint, log: readonly LogEntry[] | undefined): Finding {
  if (earlier.origin !== head.origin) {
    return failed(`the checkpoint is of the log ${earlier.origin}, the release of ${head.origin}`);
  }
  if (log) return compareWithLog([earlier, head], log);
  if (earlier.size === head.size) {
    return earlier.root === head.root
      ? passed(`both have ${head.size} entries and the same root`)
      : failed(`both have ${head.size} entries, but not the same: the log was rewritten`);
  }
  return notChecked(
    `the checkpoint has ${earlier.size} entries, the release's log ${head.size}: give the log too (--log FILE, from dptune budget export)`,
  );
}

function compareWithLog(checkpoints: readonly Checkpoint[], log: readonly LogEntry[]): Finding {
  const { faults } = logFaults(log);
  if (faults.length > 0) return unless(faults, '');
  const tree = merkleTree(log.map(({ hash }) => hash));
  const broken = checkpoints.flatMap(({ size, root }) => {
    if (size > log.length)
      return [`the log has ${log.length} entries, a checkpoint ${size}: it was cut or rolled back`];
    return tree.root(size) === root
      ? []
      : [`the first ${size} entries of the log are not those of the checkpoint`];
  });
  return unless(broken, `the log of ${log.length} entries contains both checkpoints`);
}
