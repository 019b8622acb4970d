import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process that works on request (see subject.ts), beside others that it is compared with. */
export interface Subject {
  readonly name: string;
  /** Does its work once: the seconds it took. */
  work(): Promise<number>;
  /** Ends the process: its peak memory. */
  end(): Promise<{ readonly peakMiB: number }>;
}

/** A command that speaks the protocol of subject.ts. */
export interface SubjectCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

type Options = Readonly<Record<string, string | number>>;
const flags = (options: Options): string[] =>
  Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);

/**
 * Compiles the subjects, so that they run as an installed dptune does: tsx takes 100 MiB of its own.
 * @throws {Error} with the compiler's complaints
 */
function compiledSubject(): string {
  const folder = new URL('.', import.meta.url).pathname;
  const { status, stdout } = spawnSync('npx', ['tsc', '-p', folder], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`bench: does not compile\n${stdout}`);
  return new URL('../.cache/bench/bench/subject.js', import.meta.url).pathname;
}
let compiled: string | undefined;

/** One of ours. */
export function ours(name: string, options: Options): SubjectCommand {
  compiled ??= compiledSubject();
  return { name, command: process.execPath, args: [compiled, ...flags(options)] };
}

/** `DPTUNE_PYTHON`, or else python3, with Opacus; undefined where it has none. */
export function findPython(): string | undefined {
  const python = process.env['DPTUNE_PYTHON'] ?? 'python3';
  const { status } = spawnSync(python, ['-c', 'import opacus, peft, torch, transformers'], {
    stdio: 'ignore',
  });
  return status === 0 ? python : undefined;
}

/** The same in PyTorch and Opacus. */
export function theirs(python: string, name: string, options: Options): SubjectCommand {
  const script = new URL('opacus.py', import.meta.url).pathname;
  return { name, command: python, args: ['-W', 'ignore', script, ...flags(options)] };
}

export function startSubject({ name, command, args }: SubjectCommand): Subject {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  async function answer(): Promise<Record<string, number>> {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`subject=${name}: ended early; run ${command} ${args.join(' ')}`);
    return JSON.parse(value) as Record<string, number>;
  }
  return {
    name,
    async work() {
      child.stdin.write('\n');
      return (await answer())['seconds']!;
    },
    async end() {
      child.stdin.end();
      return { peakMiB: (await answer())['peakMiB']! };
    },
  };
}

export interface Measured {
  readonly name: string;
  /** Median of the rounds after the first. */
  readonly seconds: number;
  /** Of the whole process. */
  readonly peakMiB: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs all subjects in turn, `rounds` times after one that warms up, so that other load falls on all alike. */
export async function compare(commands: readonly SubjectCommand[], rounds: number): Promise<Measured[]> {
  const subjects = commands.map(startSubject);
  const times = subjects.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const seconds = await subject.work();
      if (round > 0) times[index]!.push(seconds);
    }
  }
  const measured: Measured[] = [];
  for (const [index, subject] of subjects.entries()) {
    measured.push({ name: subject.name, seconds: median(times[index]!), ...(await subject.end()) });
  }
  return measured;
}

/** Prints what was measured, relative to the first. */
export function printTable(title: string, measured: readonly Measured[]): void {
  const base = measured[0]!;
  console.log(`\n${title}`);
  for (const { name, seconds, peakMiB } of measured) {
    const time = `${seconds.toFixed(3)} s  x ${(seconds / base.seconds).toFixed(2)}`;
    const memory = `${peakMiB.toFixed(0)} MiB  x ${(peakMiB / base.peakMiB).toFixed(2)}`;
    console.log(`  ${name.padEnd(24)} ${time.padStart(18)}   ${memory.padStart(18)}`);
  }
}
