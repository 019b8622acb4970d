import {
  canonicalHash,
  canonicalJson,
  DriftError,
  epsilonOf,
  planFromJson,
  type DpEvent,
  type Plan,
} from '../../privacy/index.ts';
import type { PlanFacts } from '../../audits/index.ts';

/** plan.json as it lies in a release. */
export type JobPlanText = PlanFacts & { readonly notPrivate?: true };

/**
 * The plan in a parsed plan.json, with all that follows from its numbers computed anew: sampling rates, noise, the event
 * tree, epsilon, the hash; and the digests by which the hash covers the model and the training settings.
 * @throws DriftError naming what does not fit
 */
export function planOf(json: unknown): JobPlanText {
  const stored = (json ?? {}) as JobPlanText & { readonly format?: unknown };
  if (stored.format !== 'dptune-plan/1') {
    throw new DriftError(
      `plan.json: format=${JSON.stringify(stored.format)}: must be dptune-plan/1. Verify it with the version of dptune that made it.`,
    );
  }
  const privacy = planFromJson(stored.privacy);
  const faults = Object.entries(expectedBindings(stored)).filter(
    ([name, digest]) => privacy.bindings[name] !== digest,
  );
  if (faults.length > 0) {
    throw new DriftError(
      `plan.json: ${faults.map(([name]) => name).join(' and ')}: not what the plan's hash covers. Get the release from its producer again.`,
    );
  }
  if (stored.search) checkSearch(stored.search, privacy);
  return { ...stored, privacy };
}

type Search = NonNullable<PlanFacts['search']>;

/**
 * The cost of a search that chose this run: it must follow from the search's event, which must hold the plan's own.
 * @throws DriftError
 */
function checkSearch(search: Search, { event, delta, relation }: Plan): void {
  const { hash, ...body } = search;
  const cost = epsilonOf(search.event, { delta, relation }).epsilon.upper;
  const faults = [
    ...(hash === canonicalHash(body) ? [] : ['search.hash does not cover the search']),
    ...(search.epsilon >= cost ? [] : [`search.epsilon=${search.epsilon} is below ${cost}`]),
    ...(isPartOf(canonicalJson(event), search.event)
      ? []
      : ['search.event does not hold the event of this plan']),
  ];
  if (faults.length === 0) return;
  throw new DriftError(`plan.json: ${faults.join('; ')}. Get the release from its producer again.`);
}

function isPartOf(wanted: string, event: DpEvent): boolean {
  if (canonicalJson(event) === wanted) return true;
  if ('events' in event) return event.events.some((inner) => isPartOf(wanted, inner));
  return event.kind === 'repeat-and-select' && isPartOf(wanted, event.event);
}

/** What ties the privacy plan to the rest of plan.json. */
function expectedBindings(stored: JobPlanText): Plan['bindings'] {
  const { model, reasons: _, privacy: __, notPrivate: ___, ...training } = stored;
  return { model: canonicalHash(model.files), training: canonicalHash(training) };
}
