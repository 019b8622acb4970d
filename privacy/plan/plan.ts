import { epsilonOf, relations, validateEvent } from '../accounting/index.ts';
import type { Answer, DpEvent, Relation } from '../accounting/index.ts';
import { canonicalHash } from '../canonical-json.ts';
import { InvalidParameterError } from '../errors.ts';
import { eventsOfReads } from '../mechanism/reads.ts';
import type { DeclaredRead } from '../mechanism/reads.ts';
import { list, numberWithin, objectOf, oneOf, text, wholeNumber } from './fields.ts';
import { phaseEventOf, phaseOf } from './phase.ts';
import type { AccountedPhase, Phase, PhaseNumbers } from './phase.ts';
import { selectionOf } from './selection.ts';
import type { Selection } from './selection.ts';

/** Changes whenever the sampler, the noise, the rounding or the clipping rules change: a plan runs under its own only (G26). */
export const mechanismVersion = '1';

/** Who is protected. A user contributes at most `maxRecords` records, chosen once, and is sampled, clipped and counted as one. */
export type PrivacyUnit =
  { readonly kind: 'record' } | { readonly kind: 'user'; readonly maxRecords: number };

export type Target =
  | { readonly kind: 'epsilon'; readonly epsilon: number }
  | { readonly kind: 'noise-multiplier'; readonly noiseMultiplier: number };

/** The numbers that fix a plan. Everything else in it follows. */
export interface PlanNumbers {
  readonly unit: PrivacyUnit;
  readonly relation: Relation;
  /** Number of units, as everyone may know it. */
  readonly publicSize: number;
  /** Given where only some units take part, chosen by rank; `publicSize` is then their number. */
  readonly selection?: Selection;
  readonly delta: number;
  readonly target: Target;
  readonly phases: readonly PhaseNumbers[];
  readonly reads: readonly DeclaredRead[];
  /** Digests of what the plan is tied to, by name: data files, base weights, code (G26). */
  readonly bindings: Readonly<Record<string, string>>;
}

/** All that the guarantee depends on, frozen. Sampler, noise, loop, accountant and report read every number from here. */
export interface Plan extends Omit<PlanNumbers, 'phases'> {
  readonly version: 1;
  readonly mechanism: string;
  readonly phases: readonly Phase[];
  /** Everything that the run releases, in order: the phases, then the charged reads. */
  readonly event: DpEvent;
  /** Certified upper bound of the whole plan at `delta`: what the run may be said to cost. */
  readonly epsilon: number;
  readonly accountant: Pick<Answer, 'version' | 'method' | 'direction' | 'digest'>;
  /** SHA-256 of the canonical JSON of everything above. */
  readonly hash: string;
}

/**
 * The plan that these numbers fix.
 * @throws InvalidParameterError for a number outside its domain, delta >= 1/units (G24), or no finite epsilon
 */
export function planOf(numbers: PlanNumbers): Plan {
  const publicSize = wholeNumber(
    'publicSize',
    numbers.publicSize,
    1,
    'It counts units, not rows, if the unit is a user.',
  );
  const relation = oneOf('relation', numbers.relation, relations);
  const delta = deltaOf(numbers.delta, publicSize);
  const unit = unitOf(numbers.unit);
  const selection = selectionOf(numbers.selection, { unit, relation, publicSize });
  const phases = list('phases', numbers.phases).map((phase) =>
    phaseOf(phase as PhaseNumbers, publicSize, selection && 'selection'),
  );
  if (phases.length === 0) throw new InvalidParameterError('phases=[]: must hold at least one. Add a phase.');
  requireDistinct('phase', phases);
  requireJoining(phases, relation, selection);
  const reads = list('reads', numbers.reads).map(readOf);
  requireDistinct('read', reads);
  const event = eventOf(phases, reads);
  const answer = epsilonOf(event, { delta, relation });
  const epsilon = answer.epsilon.upper;
  if (!Number.isFinite(epsilon)) {
    throw new InvalidParameterError(
      `epsilon=${epsilon}: this much noise gives no guarantee at delta=${delta}. Raise the noise multiplier or give a target epsilon.`,
    );
  }
  const body = {
    version: 1,
    mechanism: mechanismVersion,
    unit,
    relation,
    publicSize,
    ...(selection && { selection }),
    delta,
    target: targetOf(numbers.target),
    phases,
    reads,
    bindings: bindingsOf(numbers.bindings),
    event,
    epsilon,
    accountant: {
      version: answer.version,
      method: answer.method,
      direction: answer.direction,
      digest: answer.digest,
    },
  } as const;
  return sealed(body);
}

/** Adds the hash to a copy and freezes all of it. */
export function sealed(body: Omit<Plan, 'hash'>): Plan {
  return deepFreeze({ ...structuredClone(body), hash: canonicalHash(body) });
}

/** The composition of all phases and charged reads; a single one stands alone. */
export function eventOf(phases: readonly AccountedPhase[], reads: readonly DeclaredRead[]): DpEvent {
  const events = [...phases.map(phaseEventOf), ...eventsOfReads(reads)];
  return events.length === 1 ? events[0]! : { kind: 'composed', events };
}

/** @throws InvalidParameterError unless 0 < delta < 1/units (G24) */
export function deltaOf(value: unknown, publicSize: number): number {
  const remedy = `The public size is ${publicSize} units; 1/n^1.1 is a common choice.`;
  const delta = numberWithin('delta', value, 0, 1, remedy);
  if (delta < 1 / publicSize) return delta;
  throw new InvalidParameterError(
    `delta=${delta}: must be below 1/units = ${1 / publicSize}, or publishing one whole unit would satisfy it. ${remedy}`,
  );
}

function unitOf(given: unknown): PrivacyUnit {
  const fields = objectOf('unit', given, ['kind', 'maxRecords']);
  const kind = oneOf('unit.kind', fields['kind'], ['record', 'user']);
  if (kind === 'user') {
    return {
      kind,
      maxRecords: wholeNumber('unit.maxRecords', fields['maxRecords'], 1, 'It caps what one user adds.'),
    };
  }
  objectOf('unit', given, ['kind']);
  return { kind };
}

export function targetOf(given: unknown): Target {
  const fields = objectOf('target', given, ['kind', 'epsilon', 'noiseMultiplier']);
  const kind = oneOf('target.kind', fields['kind'], ['epsilon', 'noise-multiplier']);
  objectOf('target', given, ['kind', kind === 'epsilon' ? 'epsilon' : 'noiseMultiplier']);
  if (kind === 'epsilon') {
    return {
      kind,
      epsilon: numberWithin('epsilon', fields['epsilon'], 0, 1e6, 'Small is private: 1 to 10 is common.'),
    };
  }
  return {
    kind,
    noiseMultiplier: numberWithin('noiseMultiplier', fields['noiseMultiplier'], 0, 1e6, 'See target.'),
  };
}

function readOf(given: unknown): DeclaredRead {
  const fields = objectOf('read', given, ['name', 'purpose', 'disposition', 'event', 'uses']);
  const named = { name: text('read.name', fields['name']), purpose: text('read.purpose', fields['purpose']) };
  const disposition = oneOf('read.disposition', fields['disposition'], ['charged', 'private']);
  if (disposition === 'charged') {
    const uses = wholeNumber('read.uses', fields['uses'], 1, `See read ${named.name}.`);
    return { ...named, disposition, event: validateEvent(fields['event']), uses };
  }
  objectOf('read', given, ['name', 'purpose', 'disposition']);
  return { ...named, disposition };
}

function bindingsOf(given: unknown): Record<string, string> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidParameterError(
      'bindings: must be an object of digests by name. Give {} to tie the plan to nothing.',
    );
  }
  return Object.fromEntries(
    Object.entries(given).map(([name, digest]) => [name, text(`bindings.${name}`, digest)]),
  );
}

/**
 * Correlated noise covers a unit that joins or leaves. The subset of a unit follows from its content, so one that is replaced,
 * as in a selection of few, may move to another subset and other columns of the noise.
 */
function requireJoining(
  phases: readonly Phase[],
  relation: Relation,
  selection: Selection | undefined,
): void {
  const correlated = phases.find(({ strategy }) => strategy);
  if (!correlated || (relation !== 'replace-one' && !selection)) return;
  const given = selection ? 'selection' : `relation=${relation}`;
  throw new InvalidParameterError(
    `${given}: phase ${correlated.name} has correlated noise, whose guarantee is for units that join or leave, not for replaced ones. ` +
      'Use all units under add-or-remove-one or zero-out, or mechanism gaussian.',
  );
}

function requireDistinct(what: string, items: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of items) {
    if (seen.has(name))
      throw new InvalidParameterError(`${what}=${name}: occurs twice. Give each a name of its own.`);
    seen.add(name);
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}
