import type { Observer } from '../train/index.ts';
import type { Output } from './output.ts';

export interface Watch extends Observer {
  /** Ends the live line and gives signals back. */
  end(): void;
}

/**
 * Shows a run on the terminal, and turns the first Ctrl-C or SIGTERM into a request to stop at the next step. The second
 * ends the process at once; that loses no charge and no file, only the steps since the last checkpoint.
 */
export function watch(output: Output): Watch {
  const progress = output.progress();
  let asked = false;
  const stop = (): void => {
    if (asked) process.exit(130);
    asked = true;
    output.note('stopping after this step; once more to stop at once');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    stopping: () => asked,
    note: output.note,
    event: (event) => output.event(event),
    stage: (what, done, total) => progress.update({ step: done, steps: total, label: what }),
    step: ({ phase, step, steps, epsilon, budget }) => {
      const isPrivate = Number.isFinite(budget);
      progress.update({ step, steps, label: phase, ...(isPrivate && { epsilon, budget }) });
      output.event({ event: 'step', phase, step, steps, epsilon, budget });
    },
    end: () => {
      progress.done();
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
