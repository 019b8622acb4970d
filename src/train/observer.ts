import { DptuneError } from '../../privacy/index.ts';

/** Where training stands, for whoever watches. Nothing in it is private. */
export interface StepState {
  readonly phase: string;
  /** Steps taken in all phases. */
  readonly step: number;
  readonly steps: number;
  /** Upper bound on the epsilon spent so far; infinite for a non-private run. */
  readonly epsilon: number;
  readonly budget: number;
}

/** Who watches a run. */
export interface Observer {
  step(state: StepState): void;
  /** Work that is not a step of training, such as computing the frozen part: what, how many done of how many. */
  stage(what: string, done: number, total: number): void;
  note(text: string): void;
  event(event: Readonly<Record<string, unknown>>): void;
  /** True once the user asked to stop; the run saves what it needs to go on and ends. */
  readonly stopping: () => boolean;
}

/** The run stopped where it can go on: exit 130. */
export class InterruptedError extends DptuneError {
  constructor(message: string) {
    super('interrupted', message);
  }
}

export function throwIfStopping(observer: Observer, remedy: string): void {
  if (observer.stopping()) throw new InterruptedError(`interrupted. ${remedy}`);
}
