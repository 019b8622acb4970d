import { readFileSync, statSync } from 'node:fs';

/** Bytes that SQLite's writer locks: of the shared memory beside a write-ahead log, and of a file without one. */
const places = [
  { suffix: '-shm', first: 120, last: 120 },
  { suffix: '', first: 0x4000_0000, last: 0x4000_0001 },
] as const;
const longestCommand = 100;

/**
 * Who writes into an SQLite file right now, for a message: `process 71 (node cli.js train job.yaml)`. Linux alone tells, and
 * of processes that are seen from here; else it is `another process`.
 */
export function holderOf(path: string): string {
  const pid = writerOf(path);
  return pid === undefined ? 'another process' : `process ${pid}${commandOf(pid)}`;
}

function writerOf(path: string): number | undefined {
  const locks = textOf('/proc/locks').split('\n').flatMap(lockOf);
  for (const { suffix, first, last } of places) {
    const inode = inodeOf(path + suffix);
    const found = locks.find((lock) => lock.inode === inode && lock.first <= last && lock.last >= first);
    if (found) return found.pid;
  }
  return undefined;
}

interface Lock {
  readonly pid: number;
  /** Device and number, as /proc/locks writes them. */
  readonly inode: string;
  readonly first: number;
  readonly last: number;
}

/** A line such as `3: POSIX  ADVISORY  WRITE 71 08:01:4711 120 120`. */
function lockOf(line: string): Lock[] {
  const [, , , kind, pid, inode, first, last] = line.trim().split(/\s+/);
  if (kind !== 'WRITE' || inode === undefined || !(Number(pid) > 0)) return [];
  return [{ pid: Number(pid), inode, first: Number(first), last: last === 'EOF' ? Infinity : Number(last) }];
}

function inodeOf(path: string): string | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!stat) return undefined;
  // As Linux packs device numbers into what stat gives.
  const major = ((stat.dev >> 8n) & 0xfffn) | ((stat.dev >> 32n) & ~0xfffn);
  const minor = (stat.dev & 0xffn) | ((stat.dev >> 12n) & ~0xffn);
  return `${hex(major)}:${hex(minor)}:${stat.ino}`;
}

function hex(value: bigint): string {
  return value.toString(16).padStart(2, '0');
}

function commandOf(pid: number): string {
  const command = textOf(`/proc/${pid}/cmdline`).split('\0').join(' ').trim();
  if (command === '') return '';
  return ` (${command.length > longestCommand ? `${command.slice(0, longestCommand)}...` : command})`;
}

/** Nothing where it cannot be read: there is no such file on other systems. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
