import { DptuneError, epsilonCurve, type Plan } from '../../privacy/index.ts';

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
  readonly note: (text: string) => void;
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

/** Reports that so many steps were taken in all, the last one in `phase`. */
export type Reporter = (phase: string, step: number) => void;

/** Tells the observer where the run stands; epsilon is read off a curve computed once, rounded up to its next point. */
export function reporter(plan: Plan, nonPrivate: boolean, observer: Observer): Reporter {
  const total = plan.phases.reduce((sum, { steps }) => sum + steps, 0);
  const points = Array.from({ length: 21 }, (_, i) => Math.ceil((i * total) / 20));
  const curve = nonPrivate ? [] : epsilonCurve(plan.event, [...new Set(points)], plan);
  return (phase, step) => {
    const point = curve.find((at) => at.step >= step);
    const epsilon = nonPrivate ? Infinity : Math.min(point?.epsilon.upper ?? plan.epsilon, plan.epsilon);
    observer.step({ phase, step, steps: total, epsilon, budget: nonPrivate ? Infinity : plan.epsilon });
  };
}
