import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  demandOf,
  DptuneError,
  InvalidParameterError,
  type LedgerDocument,
  type Signer,
} from '../../privacy/index.ts';
import {
  identityOf,
  ledgerUrl,
  LedgerUnavailableError,
  openCharging,
  openLedger,
  type Charging,
} from '../ledger/index.ts';
import { orClose } from './closing.ts';
import { Journal, stepsIn } from './journal.ts';
import type { Observer } from './observer.ts';
import type { PhaseRun } from './phase.ts';
import { readJson } from './plan-file.ts';
import { writeJson, type RunDirectory } from './run-directory.ts';
import type { Start } from './start.ts';

/** Which ledger a run is charged to, and in whose name. */
export interface LedgerOptions {
  /** Place of the ledger; goes before the job's own and DPTUNE_LEDGER. */
  readonly ledger?: string;
  /** Signs the checkpoint that goes into the release. */
  readonly signer?: Signer;
}

/**
 * Reserves what a run will cost, or goes on with its reservation. `private/ledger.json` names it, and is written first: a
 * crash right after the reservation leaves a name to go on with.
 * @param work - gets nothing where the job has no budget, or the run is not private and has no cost that a budget could hold;
 *   what it returns has the charging to close
 * @throws DptuneError `budget` if it is refused: before any step
 */
export async function whileCharged<T>(
  start: Start,
  directory: RunDirectory,
  options: LedgerOptions & { readonly observer: Observer },
  work: (charging: Charging | undefined) => Promise<T>,
): Promise<T> {
  const charging = await chargingOf(start, directory, options);
  return charging ? orClose(charging, () => work(charging)) : work(undefined);
}

/** `private/ledger.json` */
interface Reservation {
  readonly job: string;
  readonly scope: string;
  readonly plan: string;
  /** Of the canaries' coins. */
  readonly commitment?: string;
}

async function chargingOf(
  { config, plan, nonPrivate, audit }: Start,
  directory: RunDirectory,
  options: LedgerOptions & { readonly observer: Observer },
): Promise<Charging | undefined> {
  const { observer } = options;
  if (config.ledger === 'none') {
    if (!nonPrivate)
      observer.note('ledger: none, so nobody counts what all runs on these people cost together');
    return undefined;
  }
  const { scope, url, approvals = 0 } = config.ledger;
  if (nonPrivate) {
    observer.note(
      `ledger: a run without privacy has no cost that scope ${scope} could hold, so it is not charged`,
    );
    return undefined;
  }
  if (plan.search?.method === 'private-selection') {
    throw new InvalidParameterError(
      `ledger.scope=${scope}: private selection keeps the number of its trials secret, and charges by trial would show it. ` +
        'Search with method charged or public, or without a ledger.',
    );
  }
  const { hash, unit, relation } = plan.privacy;
  const file = join(directory.private, 'ledger.json');
  const stored = existsSync(file) ? ((await readJson(file)) as Reservation) : undefined;
  const isSamePlan = stored?.scope === scope && stored.plan === hash;
  // A run that was killed before it began leaves a commitment to coins that are gone. Earlier versions wrote none.
  const isSame = isSamePlan && (stored.commitment ?? audit?.commitment) === audit?.commitment;
  const place = ledgerUrl(options.ledger ?? url);
  if (isSamePlan && !isSame && (await releaseUnbegun(stored.job, place))) {
    observer.note(`ledger: gave back reservation ${stored.job}, of a run that never began`);
  }
  const job = isSame ? stored.job : randomUUID();
  const committed = audit && { commitment: audit.commitment };
  if (!isSame) await writeJson(file, { job, scope, plan: hash, ...committed } satisfies Reservation);
  const request = {
    ...committed,
    job,
    scope,
    plan: hash,
    unit: unit.kind,
    relation,
    demand: demandOf(plan.privacy),
    approvals,
  };
  const charging = await openCharging(request, stepsIn(directory.journal), {
    url: place,
    identity: identityOf(),
    note: (text) => observer.note(text),
    stopping: observer.stopping,
  });
  observer.note(`ledger: ${charging.place}, scope ${scope}`);
  return charging;
}

/** Ends a reservation of which nothing was drawn. @returns whether there was one: it may have been refused */
async function releaseUnbegun(job: string, url: string): Promise<boolean> {
  const ledger = await openLedger(url, identityOf());
  try {
    const { state } = await ledger.job(job);
    if (state !== 'reserved') return false;
    await ledger.abort(job, 'the run never began');
    return true;
  } catch (error) {
    if (error instanceof DptuneError && error.code === 'budget') return false;
    throw error;
  } finally {
    await ledger.close();
  }
}

/** A run's journal, which charges no step that the ledger was not paid for. */
export function journalFor({ journal }: RunDirectory, charging: Charging | undefined): Journal {
  return new Journal(journal, charging && ((phase, step) => charging.isPaid(phase, step)));
}

/**
 * A phase that pays for its steps ahead. Where the ledger stops answering, the run is asked to stop, which saves its state.
 */
export function paying(
  run: PhaseRun,
  charging: Charging,
  observer: Observer,
): { readonly run: PhaseRun; readonly observer: Observer } {
  let gaveUp = false;
  return {
    observer: { ...observer, stopping: () => gaveUp || observer.stopping() },
    run: {
      ...run,
      get taken() {
        return run.taken;
      },
      async step() {
        await charging.pay(run.phase.name, run.taken + 1);
        const happened = await run.step();
        // The next step is paid for here, because only between two steps the run can stop without loss.
        if (run.taken < run.phase.steps) {
          try {
            await charging.pay(run.phase.name, run.taken + 1);
          } catch (error) {
            if (!(error instanceof LedgerUnavailableError)) throw error;
            observer.note(`${error.message} Stopping at step ${run.taken}; nothing is lost.`);
            gaveUp = true;
          }
        }
        return happened;
      },
    },
  };
}

/** Settles a run whose steps are done, and puts the proof into its release. */
export async function settleCharges(
  charging: Charging,
  { journal, release }: RunDirectory,
  { signer, observer }: LedgerOptions & { readonly observer: Observer },
): Promise<LedgerDocument> {
  const document = await charging.settle(stepsIn(journal), signer);
  if (!signer) {
    observer.note('ledger: no key was given, so the checkpoint in the release is not signed (--key NAME)');
  }
  await writeJson(join(release, 'ledger.json'), document);
  return document;
}
