#!/usr/bin/env node
import { inspect } from 'node:util';
import { hideBin } from 'yargs/helpers';
import { DptuneError, type ErrorCode } from '../privacy/errors.ts';
import { runCommandLine } from './commands/command-line.ts';
import { printable } from './commands/output.ts';
import { SHOW_CURSOR } from './commands/progress.ts';

const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  config: 3,
  data: 10,
  budget: 20,
  drift: 21,
  violation: 30,
  inconclusive: 31,
  verification: 40,
  interrupted: 130,
};
const UNEXPECTED = 1;

/** Says what went wrong, and returns the exit code. */
function report(error: unknown, json: boolean): number {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof DptuneError ? error.code : 'unexpected';
  if (json) process.stdout.write(`${JSON.stringify({ event: 'error', code, message })}\n`);
  if (message !== '') process.stderr.write(`dptune: ${printable(textOf(error, message))}\n`);
  return error instanceof DptuneError ? EXIT_CODES[error.code] : UNEXPECTED;
}

function textOf(error: unknown, message: string): string {
  if (process.env['DPTUNE_DEBUG'] === '1') return inspect(error);
  const isSystemError = error instanceof Error && 'syscall' in error;
  if (error instanceof DptuneError || isSystemError) return message;
  return `unexpected error: ${message}\nThis is a bug. DPTUNE_DEBUG=1 shows where it happened.`;
}

/** A reader that went away (`dptune ... | head`) ends the output, not the work. */
function tolerateClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    stream.write = (...written: unknown[]) => {
      const whenDone = written.at(-1);
      if (typeof whenDone === 'function') whenDone();
      return true;
    };
  });
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
}

/**
 * A signal that no command handles ends the process as if this handler were not there, so that shells see what happened
 * (SIGINT: 130) and a thread that waits for the system cannot hold it up; but the cursor comes back first.
 */
function endBySignal(signal: 'SIGINT' | 'SIGTERM'): void {
  const handler = () => {
    if (process.listenerCount(signal) > 1) return;
    if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
    process.off(signal, handler);
    process.kill(process.pid, signal);
  };
  process.on(signal, handler);
}

async function main(args: readonly string[]): Promise<void> {
  const json = args.includes('--json');
  [process.stdout, process.stderr].forEach(tolerateClosedPipe);
  endBySignal('SIGINT');
  endBySignal('SIGTERM');
  process.on('uncaughtException', (error) => process.exit(report(error, json)));
  let code = 0;
  try {
    await runCommandLine(args);
  } catch (error) {
    code = report(error, json);
  }
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(code);
}

await main(hideBin(process.argv));
