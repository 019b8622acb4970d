import { emptyHash, sealEntry, type LogEntry } from '../../privacy/index.ts';

/** One change to the whole log of a ledger, as someone who holds the database could make. */
export interface LogEdit {
  readonly name: string;
  readonly change: (log: readonly LogEntry[]) => LogEntry[];
}

/** Seals entries again, one after the other, so that the chain fits. */
function chained(entries: readonly LogEntry[]): LogEntry[] {
  let prevHash = emptyHash;
  return entries.map((old, seq) => {
    const { hash: _, ...body } = old;
    const entry = sealEntry({ ...body, seq, prevHash });
    prevHash = entry.hash;
    return entry;
  });
}

export const logEdits: readonly LogEdit[] = [
  { name: 'last entry cut', change: (log) => log.slice(0, -1) },
  { name: 'rolled back to its first half', change: (log) => log.slice(0, Math.floor(log.length / 2)) },
  { name: 'empty', change: () => [] },
  { name: 'an entry left out', change: (log) => log.toSpliced(3, 1) },
  { name: 'an entry left out, chain made to fit', change: (log) => chained(log.toSpliced(2, 1)) },
  {
    name: 'two entries in other order',
    change: (log) => log.toSpliced(2, 2, log[3]!, log[2]!),
  },
  {
    name: 'an entry edited',
    change: (log) => log.with(1, { ...log[1]!, actor: 'nobody' }),
  },
  {
    name: 'an entry edited, chain made to fit',
    change: (log) => chained(log.with(1, { ...log[1]!, actor: 'nobody' })),
  },
];
