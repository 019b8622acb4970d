import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order } from './child.ts';

/** A process of its own that works on ledgers. */
export interface Worker {
  /** @returns what became of it; undefined if the process was killed */
  order(order: Order): Promise<string | undefined>;
  kill(): Promise<void>;
}

const script = fileURLToPath(new URL('child.ts', import.meta.url));

export async function startWorker(): Promise<Worker> {
  const child: ChildProcess = fork(script, [], { execArgv: ['--import', 'tsx'] });
  const gone = once(child, 'exit').then(() => undefined);
  await Promise.race([once(child, 'message'), gone]);
  return {
    order(order) {
      const answer = once(child, 'message').then(([text]) => text as string);
      child.send(order);
      return Promise.race([answer, gone]);
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
