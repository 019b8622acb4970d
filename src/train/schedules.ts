import { InvalidParameterError } from '../../privacy/index.ts';
import { compileExpression } from '../config/index.ts';
import type { TrainingPhase } from './settings.ts';

/** The learning rate of each step. */
export interface Schedule {
  /** Rate of a step, from 0. */
  rate(step: number): number;
  /** An evaluation on public data; larger is better, NaN and -Infinity are no progress. Only `plateau` listens. */
  observe(score: number): void;
  /** JSON, for a checkpoint. */
  state(): ScheduleState;
}

interface ScheduleState {
  readonly factor: number;
  readonly best: number | null;
  readonly waited: number;
}

export interface ScheduleOptions {
  readonly steps: number;
  /** Peak rate. */
  readonly learningRate: number;
  readonly saved?: unknown;
}

/**
 * Linear warm-up over a share of the steps, then: constant; linear or half-cosine decay to zero after the last step;
 * plateau (times `factor` after `patience` evaluations without progress); or an expression in `step` and `steps`, which
 * gives the factor on the rate.
 * @throws InvalidParameterError where the expression is negative or not finite at any step, before one is taken
 */
export async function createSchedule(
  settings: TrainingPhase['schedule'],
  { steps, learningRate, saved }: ScheduleOptions,
): Promise<Schedule> {
  const { kind, warmup, factor: cut, patience } = settings;
  const warm = Math.round(warmup * steps);
  const expression =
    kind === 'expression' ? await compileExpression(settings.expression!, ['step', 'steps']) : undefined;
  if (expression) {
    for (let step = warm; step < steps; step++) {
      const value = expression({ step, steps });
      if (value >= 0) continue;
      throw new InvalidParameterError(
        `schedule.expression=${settings.expression}: gives ${value} at step=${step}, steps=${steps}. It must be at least 0 at every step.`,
      );
    }
  }
  let { factor, best, waited } = (saved as ScheduleState | undefined) ?? { factor: 1, best: null, waited: 0 };

  const shape = (step: number): number => {
    const progress = (step - warm) / Math.max(1, steps - warm);
    if (expression) return expression({ step, steps });
    if (kind === 'linear') return 1 - progress;
    if (kind === 'cosine') return 0.5 * (1 + Math.cos(Math.PI * progress));
    return factor;
  };
  return {
    rate: (step) => learningRate * (step < warm ? (step + 1) / (warm + 1) : shape(step)),
    observe(score) {
      if (kind !== 'plateau') return;
      const progressed = score > (best ?? -Infinity);
      [best, waited] = progressed ? [score, 0] : [best, waited + 1];
      if (waited >= patience) [factor, waited] = [factor * cut, 0];
    },
    state: () => ({ factor, best, waited }),
  };
}
