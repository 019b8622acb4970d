import type { Answer } from './answer.ts';
import type { DpEvent, Relation } from './events.ts';
import { epsilonOf } from './query.ts';

/**
 * What has been spent of a schedule that was fixed in advance: append what ran, ask at any time. Appending is O(1);
 * the answer is computed when asked for, with the tightest method (loss distributions), and kept until the next append.
 * For choices that depend on earlier outputs use `createFilter`: an odometer's answer is not valid for them.
 */
export type Odometer = {
  /** `count` more runs of `event`. */
  append(event: DpEvent, count?: number): void;
  /** Everything appended, as one event: replaying it into a new odometer resumes this one. */
  event(): DpEvent;
  epsilon(delta: number): Answer;
};

export function createOdometer(options: {
  readonly relation: Relation;
  readonly resume?: DpEvent;
}): Odometer {
  const events: DpEvent[] = options.resume ? [options.resume] : [];
  let last: { event: DpEvent; count: number } | null = null;
  let known: Answer | null = null;
  const whole = (): DpEvent => ({
    kind: 'composed',
    events: last ? [...events, { kind: 'self-composed', ...last }] : [...events],
  });
  return {
    append(event, count = 1) {
      known = null;
      if (last?.event === event) {
        last.count += count;
        return;
      }
      if (last) events.push({ kind: 'self-composed', ...last });
      last = { event, count };
    },
    event: whole,
    epsilon(delta) {
      if (known?.delta !== delta) known = epsilonOf(whole(), { delta, relation: options.relation });
      return known;
    },
  };
}
