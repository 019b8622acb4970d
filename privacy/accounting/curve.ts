import type { Interval } from './answer.ts';
import type { DpEvent, Relation } from './events.ts';
import { epsilonOf } from './query.ts';

/**
 * Epsilon after each of some step counts of a plan: `event` is a composition of self-composed phases, run in order.
 * @param steps - step counts, 0 .. total; a larger count means the whole event
 */
export function epsilonCurve(
  event: DpEvent,
  steps: readonly number[],
  query: { readonly delta: number; readonly relation: Relation },
): { readonly step: number; readonly epsilon: Interval }[] {
  return steps.map((step) => ({ step, epsilon: epsilonOf(firstSteps(event, step), query).epsilon }));
}

/** The first `steps` steps of a composition. */
export function firstSteps(event: DpEvent, steps: number): DpEvent {
  return take(event, steps).event;
}

function take(event: DpEvent, steps: number): { event: DpEvent; left: number } {
  if (event.kind === 'composed') {
    let left = steps;
    const events: DpEvent[] = [];
    for (const part of event.events) {
      if (left <= 0) break;
      const taken = take(part, left);
      events.push(taken.event);
      left = taken.left;
    }
    return { event: { kind: 'composed', events }, left };
  }
  if (event.kind === 'self-composed') {
    const count = Math.min(event.count, Math.max(0, steps));
    return { event: { ...event, count }, left: steps - count };
  }
  return steps > 0 ? { event, left: steps - 1 } : { event: { kind: 'no-op' }, left: 0 };
}
