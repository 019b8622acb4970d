import { DptuneError, InvalidParameterError } from '../errors.ts';

/** Counts the steps of one phase and refuses the one after the last (G23). Steps are optimizer steps, not micro-batches. */
export interface StepGuard {
  readonly steps: number;
  /** Steps begun so far, those before a resume included. */
  readonly taken: number;
  /**
   * Begins a step and returns its index, from 0.
   * @throws DptuneError with code `budget` when all steps are taken
   */
  take(): number;
}

/**
 * @param steps - the plan's number of steps
 * @param taken - on resume, the steps **charged** so far: a step that was charged and then lost in a crash may have sampled
 */
export function createStepGuard(phase: string, steps: number, taken = 0): StepGuard {
  if (!Number.isSafeInteger(steps) || steps < 0) {
    throw new InvalidParameterError(`steps=${steps}: a whole number is needed. Take it from the plan.`);
  }
  if (!Number.isSafeInteger(taken) || taken < 0 || taken > steps) {
    throw new InvalidParameterError(
      `taken=${taken}: phase ${phase} of the plan has ${steps} steps. Resume with the plan that the run was started with.`,
    );
  }
  let count = taken;
  return {
    steps,
    get taken() {
      return count;
    },
    take() {
      if (count >= steps) {
        throw new DptuneError(
          'budget',
          `step=${count + 1}: phase ${phase} of the plan has ${steps} steps, and all are spent. More steps need a new plan.`,
        );
      }
      return count++;
    },
  };
}
