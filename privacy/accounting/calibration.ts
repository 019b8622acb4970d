import { CalibrationError } from '../errors.ts';
import type { Answer } from './answer.ts';
import type { DpEvent, Relation } from './events.ts';
import { epsilonOf } from './query.ts';

export type CalibrationOptions = {
  readonly target: { readonly epsilon: number; readonly delta: number };
  readonly relation: Relation;
  /** The answer is a whole number (steps, epochs, batch size). */
  readonly integer?: boolean;
  /** Epsilon falls as x grows (a noise multiplier; default) or rises (steps, rate). */
  readonly decreasing?: boolean;
  readonly lower?: number;
  readonly upper?: number;
};

/** The value of x nearest to its bound whose certified epsilon is at most the target (G22). */
export function calibrate(
  eventOf: (x: number) => DpEvent,
  options: CalibrationOptions,
): { value: number; answer: Answer } {
  const { target, relation, integer = false, decreasing = true } = options;
  let good = decreasing ? (options.upper ?? 1e6) : (options.lower ?? (integer ? 1 : 1e-9));
  let bad = decreasing ? (options.lower ?? 1e-2) : (options.upper ?? (integer ? 2 ** 40 : 1));
  const ask = (x: number): Answer => epsilonOf(eventOf(x), { delta: target.delta, relation });
  const meets = (answer: Answer): boolean => answer.epsilon.upper <= target.epsilon;
  let answer = ask(good);
  if (!meets(answer)) {
    throw new CalibrationError(
      `epsilon=${target.epsilon}: not reachable at delta=${target.delta} (best ${answer.epsilon.upper}). ` +
        'Raise epsilon, use more units (n), a smaller batch or fewer epochs.',
    );
  }
  const atBad = ask(bad);
  if (meets(atBad)) return { value: bad, answer: atBad };
  while (integer ? Math.abs(good - bad) > 1 : Math.abs(good / bad - 1) > 1e-6) {
    const middle = integer ? Math.floor((good + bad) / 2) : Math.sqrt(good * bad);
    const trial = ask(middle);
    if (meets(trial)) {
      good = middle;
      answer = trial;
    } else bad = middle;
  }
  return { value: good, answer };
}
