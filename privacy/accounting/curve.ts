import type { Interval } from './answer.ts';
import type { DpEvent, Relation } from './events.ts';
import { epsilonAnswer, epsilonOf } from './query.ts';

/** Lattice points for the steps before the last: a hundredth of a second each. */
const curveSize = 2 ** 15;

/**
 * Epsilon after each of some step counts of a plan: `event` is a composition of phases, self-composed or banded, run in order.
 * @param steps - step counts; one beyond the last step means the whole event
 * @returns intervals as certified as those of `epsilonOf`; no step's upper end is above the whole event's
 */
export function epsilonCurve(
  event: DpEvent,
  steps: readonly number[],
  query: { readonly delta: number; readonly relation: Relation },
): { readonly step: number; readonly epsilon: Interval }[] {
  const whole = epsilonOf(event, query).epsilon;
  const total = stepsOf(event);
  return steps.map((step) => {
    if (step >= total) return { step, epsilon: whole };
    const { lower, estimate, upper } = epsilonAnswer(firstSteps(event, step), query, curveSize).epsilon;
    // A part of a composition costs at most the whole.
    const cap = Math.min(upper, whole.upper);
    return { step, epsilon: { lower, estimate: Math.min(estimate, cap), upper: cap } };
  });
}

function stepsOf(event: DpEvent): number {
  if (event.kind === 'composed') return event.events.reduce((sum, part) => sum + stepsOf(part), 0);
  if (event.kind === 'banded-matrix') return event.iterations;
  return event.kind === 'self-composed' ? event.count : 1;
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
  if (event.kind === 'banded-matrix') {
    // The first rows of a lower-triangular matrix are such a matrix, with columns of no larger norm.
    const iterations = Math.min(event.iterations, Math.max(0, steps));
    return { event: { ...event, iterations }, left: steps - iterations };
  }
  return steps > 0 ? { event, left: steps - 1 } : { event: { kind: 'no-op' }, left: 0 };
}
