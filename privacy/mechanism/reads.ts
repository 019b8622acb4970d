import type { DpEvent } from '../accounting/index.ts';
import { DptuneError, InvalidParameterError } from '../errors.ts';

/**
 * A read of private data other than the noisy sums. Either its result is released under a mechanism of its own and
 * charged, at most `uses` times, or it stays in the private half of a run, and the report names it.
 */
export type DeclaredRead =
  | {
      readonly name: string;
      readonly purpose: string;
      readonly disposition: 'charged';
      readonly event: DpEvent;
      readonly uses: number;
    }
  | { readonly name: string; readonly purpose: string; readonly disposition: 'private' };

/** The one door to private data beside the noisy sums (G13). */
export interface ReadRegistry {
  readonly declared: readonly DeclaredRead[];
  /**
   * Says that the read is about to happen, and returns what it was declared as. Call it before touching the data.
   * @throws DptuneError `budget` when it was not declared, or its declared uses are spent
   */
  use(name: string): DeclaredRead;
  /** Reads that happened so far, by name. */
  counts(): Readonly<Record<string, number>>;
}

/** @param counts - on resume, what `counts()` said when the run stopped */
export function createReadRegistry(
  declared: readonly DeclaredRead[],
  counts: Readonly<Record<string, number>> = {},
): ReadRegistry {
  const reads = new Map(declared.map((read) => [read.name, read]));
  if (reads.size !== declared.length) {
    throw new InvalidParameterError(
      'reads: each needs a name of its own. Merge or rename those that share one.',
    );
  }
  const used = new Map(Object.entries(counts));
  return {
    declared,
    use(name) {
      const read = reads.get(name);
      if (!read) {
        throw new DptuneError(
          'budget',
          `read=${name}: not declared in the plan, so nothing pays for it. Declare it as charged or private.`,
        );
      }
      const count = (used.get(name) ?? 0) + 1;
      if (read.disposition === 'charged' && count > read.uses) {
        throw new DptuneError(
          'budget',
          `read=${name}: the plan pays for ${read.uses} uses, and all are spent. More need a new plan.`,
        );
      }
      used.set(name, count);
      return read;
    },
    counts: () => Object.fromEntries(used),
  };
}

/** What the charged reads cost in all, for the plan's event tree. */
export function eventsOfReads(declared: readonly DeclaredRead[]): DpEvent[] {
  return declared.flatMap((read): DpEvent[] => {
    if (read.disposition === 'private') return [];
    if (!Number.isSafeInteger(read.uses) || read.uses < 1) {
      throw new InvalidParameterError(
        `uses=${read.uses}: read ${read.name} needs a whole number of uses, at least 1.`,
      );
    }
    return [{ kind: 'self-composed', count: read.uses, event: read.event }];
  });
}
