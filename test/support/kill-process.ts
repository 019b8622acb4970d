import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** How a process of the command line ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Events of `--json`. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly errors: string;
}

export interface Interruption {
  readonly signal: NodeJS.Signals;
  /** Milliseconds after the start, or after the first step that this process took. */
  readonly after: number;
  readonly from: 'start' | 'first step';
}

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** Runs `dptune ARGS --json` from the sources and sends it a signal on the way, unless it ends before. */
export async function runCommand(args: readonly string[], interruption?: Interruption): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', cli, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: Record<string, unknown>[] = [];
  let [rest, errors] = ['', ''];
  const progress = new EventEmitter();
  const firstStep = once(progress, 'step');
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) events.push(JSON.parse(line) as Record<string, unknown>);
    // The first event of a process tells where it begins; the second, that it took a step.
    if (events.filter(({ event }) => event === 'step').length > 1) progress.emit('step');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, events, errors }));
  });
  if (interruption) {
    const { signal, after, from } = interruption;
    const due = (from === 'start' ? Promise.resolve() : firstStep).then(() => wait(after));
    await Promise.race([due, ended]);
    child.kill(signal);
  }
  return ended;
}
