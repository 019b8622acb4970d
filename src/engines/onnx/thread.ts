import { Worker } from 'node:worker_threads';
import type { Answers, Call, Reply, Request, WorkerOptions } from './protocol.ts';

/** The engine's end of its worker: one call, one answer, in order. */
export interface Thread {
  /** Rejects with the worker's error, or, for every call under way, when the worker dies or is stopped. */
  call<K extends Request['kind']>(
    request: Request & { kind: K },
    transfer?: ArrayBuffer[],
  ): Promise<Answers[K]>;
  stop(): Promise<void>;
}

/** Built code runs as it is; sources need tsx, which the worker does not inherit. */
function startWorker(options: WorkerOptions): Worker {
  if (import.meta.url.endsWith('.js')) {
    return new Worker(new URL('./worker.js', import.meta.url), { workerData: options });
  }
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const source = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  const bootstrap = `import(${tsx}).then(({ register }) => { register(); return import(${source}); })`;
  return new Worker(bootstrap, { eval: true, execArgv: [], workerData: options });
}

interface Pending {
  readonly resolve: (answer: Answers[keyof Answers]) => void;
  readonly reject: (error: Error) => void;
}

export function startThread(options: WorkerOptions): Thread {
  const worker = startWorker(options);
  const pending = new Map<number, Pending>();
  let calls = 0;
  let ended: Error | undefined;

  /** An idle engine does not keep the process alive; one that computes does. */
  const hold = (): void => (pending.size > 0 ? worker.ref() : worker.unref());
  function end(error: Error): void {
    ended ??= error;
    for (const { reject } of pending.values()) reject(ended);
    pending.clear();
  }

  worker.on('message', (reply: Reply) => {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    hold();
    if ('error' in reply) waiting?.reject(new Error(`onnxruntime: ${reply.error}`));
    else waiting?.resolve(reply.answer);
  });
  worker.on('error', (error: Error) =>
    end(new Error(`engine worker failed: ${error.message}`, { cause: error })),
  );
  worker.on('exit', (code) =>
    end(new Error(`engine worker ended with exit code ${code}; create a new engine`)),
  );
  hold();

  return {
    async call<K extends Request['kind']>(request: Request & { kind: K }, transfer: ArrayBuffer[] = []) {
      if (ended !== undefined) throw ended;
      const id = calls++;
      const answer = new Promise<Answers[keyof Answers]>((resolve, reject) => {
        pending.set(id, { resolve, reject });
      });
      hold();
      worker.postMessage({ id, request } satisfies Call, transfer);
      return (await answer) as Answers[K];
    },
    async stop() {
      end(new Error('engine was disposed; create a new one'));
      await worker.terminate();
    },
  };
}
