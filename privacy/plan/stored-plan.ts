import { epsilonOf } from '../accounting/index.ts';
import { DriftError, DptuneError } from '../errors.ts';
import { objectOf, text } from './fields.ts';
import { planOf, sealed } from './plan.ts';
import type { Plan } from './plan.ts';

/** One place where two plans differ; `undefined` where one has nothing. */
export interface PlanDifference {
  /** Such as `phases[0].steps`. */
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Every leaf in which two plans differ, their hashes aside; empty if they are the same plan. */
export function diffPlans(before: Plan, after: Plan): PlanDifference[] {
  return diffValues(before, after).filter(({ field }) => field !== 'hash');
}

/** Every leaf in which two JSON values differ. */
export function diffValues(before: unknown, after: unknown): PlanDifference[] {
  return differences('', before, after);
}

/** @throws DriftError naming every field in which the plan now differs from the one that the run was started with (G26) */
export function requireSamePlan(started: Plan, now: Plan): void {
  const found = diffPlans(started, now);
  if (found.length > 0 || started.hash !== now.hash)
    throw driftOf('the plan that the run was started with', found);
}

/**
 * A plan as read from plan.json. All that follows from its numbers is computed anew, epsilon included, and has to agree.
 * The stored epsilon may be above today's bound, not below; only that of another version of the accountant may be
 * anywhere in today's certified interval.
 * @param json - the parsed file
 * @throws DriftError naming the fields that were changed, or the hash that does not fit
 */
export function planFromJson(json: unknown): Plan {
  const stored = json as Plan;
  const expected = expectedOf(stored);
  const found = diffPlans(expected, stored);
  if (found.length > 0) throw driftOf('what follows from its own numbers', found);
  if (expected.hash !== stored.hash) {
    throw new DriftError(
      `hash=${stored.hash}: the plan's content has ${expected.hash}, so the file was changed. Make the plan anew.`,
    );
  }
  return expected;
}

function expectedOf(stored: Plan): Plan {
  try {
    const { hash: _, ...fresh } = planOf(stored);
    const { epsilon, target } = stored;
    const accountant = accountantOf(stored.accountant);
    const holds =
      epsilon >= fresh.epsilon ||
      (accountant.version !== fresh.accountant.version && epsilon >= lowerOf(fresh));
    const meets = target.kind !== 'epsilon' || epsilon <= target.epsilon;
    return sealed(typeof epsilon === 'number' && holds && meets ? { ...fresh, epsilon, accountant } : fresh);
  } catch (error) {
    const reason = error instanceof DptuneError ? error.message : 'it is not a plan';
    throw new DriftError(`plan.json: ${reason}`, { cause: error });
  }
}

function lowerOf({ event, delta, relation }: Pick<Plan, 'event' | 'delta' | 'relation'>): number {
  return epsilonOf(event, { delta, relation }).epsilon.lower;
}

function accountantOf(given: unknown): Plan['accountant'] {
  const fields = objectOf('accountant', given, ['version', 'method', 'direction', 'digest']);
  return {
    version: text('accountant.version', fields['version']),
    method: text('accountant.method', fields['method']) as Plan['accountant']['method'],
    direction: text('accountant.direction', fields['direction']) as Plan['accountant']['direction'],
    digest: text('accountant.digest', fields['digest']),
  };
}

function driftOf(from: string, found: readonly PlanDifference[]): DriftError {
  const lines = found.map(({ field, before, after }) => `  ${field}: ${shown(before)} -> ${shown(after)}`);
  return new DriftError(
    `plan: differs from ${from}. Restore these, or start a new run with a plan of its own:\n${lines.join('\n')}`,
  );
}

function differences(field: string, before: unknown, after: unknown): PlanDifference[] {
  if (isBranch(before) && isBranch(after) && Array.isArray(before) === Array.isArray(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      differences(childOf(field, key, Array.isArray(before)), before[key], after[key]),
    );
  }
  return Object.is(before, after) ? [] : [{ field, before, after }];
}

function childOf(field: string, key: string, inArray: boolean): string {
  if (inArray) return `${field}[${key}]`;
  return field === '' ? key : `${field}.${key}`;
}

function isBranch(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
