import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a command ended. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  /** By the user, at a place where it can go on, or by a signal. */
  readonly interrupted: boolean;
  /** The end of what it printed. */
  readonly output: string;
  readonly complaint: string;
}

/** Characters kept of each stream. */
const keptText = 4000;

/** Runs a dptune command in a process of its own, from the same sources or build as this one. */
export function runDptune(args: readonly string[]): Promise<Ended> {
  const fromSources = import.meta.url.endsWith('.ts');
  const cli = fileURLToPath(new URL(`../cli.${fromSources ? 'ts' : 'js'}`, import.meta.url));
  // From sources, the child needs what translates them.
  const isTranslated = process.execArgv.some((argument) => argument.includes('tsx'));
  const loader = fromSources && !isTranslated ? ['--import', import.meta.resolve('tsx')] : [];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, ...loader, cli, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, complaint] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptText);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-keptText);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, interrupted: code === 130 || signal !== null, output, complaint });
    });
  });
}
