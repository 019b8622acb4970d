import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TextStream } from '../../src/commands/output.ts';

/** A stream that keeps what was written. */
export function recorder(columns?: number): TextStream & { text(): string } {
  let text = '';
  return {
    columns,
    write: (chunk) => {
      text += chunk;
    },
    text: () => text,
  };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const entry = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const loader = import.meta.resolve('tsx');

/** Runs the command line in a process of its own. */
export function dptune(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--import', loader, entry, ...args], {
    cwd: options.cwd,
    env: { ...inherited, SHELL: '/bin/bash', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
