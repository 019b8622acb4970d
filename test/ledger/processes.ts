import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order } from './child.ts';

/** A process of its own that works on ledgers. */
export interface Worker {
  /** @returns what became of it; undefined if the process was killed */
  order(order: Order): Promise<string | undefined>;
  /** Once a job that was ordered begins to take steps, or the process ended. */
  begun(): Promise<void>;
  kill(): Promise<void>;
}

const script = fileURLToPath(new URL('child.ts', import.meta.url));

export async function startWorker(): Promise<Worker> {
  const child: ChildProcess = fork(script, [], { execArgv: ['--import', 'tsx'] });
  const gone = once(child, 'exit').then(() => undefined);
  await Promise.race([once(child, 'message'), gone]);
  return {
    order(order) {
      const answer = new Promise<string>((resolve) => {
        const listen = (text: unknown): void => {
          if (text === 'begun') return;
          child.off('message', listen);
          resolve(text as string);
        };
        child.on('message', listen);
      });
      child.send(order);
      return Promise.race([answer, gone]);
    },
    async begun() {
      await Promise.race([once(child, 'message'), gone]);
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
