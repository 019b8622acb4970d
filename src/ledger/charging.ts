import { setTimeout as sleep } from 'node:timers/promises';
import {
  DptuneError,
  DriftError,
  type Demand,
  type JobState,
  type LedgerDocument,
  type Signer,
  type Steps,
} from '../../privacy/index.ts';
import { LedgerUnavailableError } from './database.ts';
import { documentOf } from './document.ts';
import { openLedger, type Ledger, type Request } from './ledger.ts';
import type { Identity } from './identity.ts';

/** Steps of a block, at least, and blocks of a phase, at most: a charge costs milliseconds, and a block lasts seconds. */
const LEAST_BLOCK = 32;
const MOST_BLOCKS = 32;
/** How long a run waits for a ledger that does not answer before it stops where it can go on. */
const PATIENCE_MS = 120_000;

export interface ChargingOptions {
  readonly url: string;
  readonly identity: Identity;
  readonly note: (text: string) => void;
  /** True once the user asked to stop: waiting ends. */
  readonly stopping: () => boolean;
  readonly patienceMs?: number;
}

/** The charges of one job under way. */
export interface Charging {
  /** Name of the log. */
  readonly place: string;
  /** Whether a step (from 1) was paid for: it may be taken. */
  isPaid(phase: string, step: number): boolean;
  /**
   * Pays for a step, and for the rest of its block.
   * @throws LedgerUnavailableError after waiting for a ledger that does not answer
   */
  pay(phase: string, step: number): Promise<void>;
  /** Ends the job with the steps that were taken, and writes down what it cost. */
  settle(taken: Steps, signer: Signer | undefined): Promise<LedgerDocument>;
  close(): Promise<void>;
}

/**
 * Reserves a job, or goes on with its reservation.
 * @param taken - steps that the run's own journal has charged
 * @throws DptuneError `budget` if it is refused
 * @throws DriftError if journal and ledger contradict each other
 */
export async function openCharging(
  request: Request,
  taken: Steps,
  options: ChargingOptions,
): Promise<Charging> {
  const ledger = await patiently(options, () => openLedger(options.url, options.identity));
  try {
    const job = await patiently(options, () => ledger.reserve(request));
    requireAgreement(job, taken);
    return chargingOf(ledger, request, job, options);
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

function chargingOf(
  ledger: Ledger,
  { demand, scope }: Request,
  job: JobState,
  options: ChargingOptions,
): Charging {
  let paid = job.steps;
  const isPaid = (phase: string, step: number): boolean => step <= (paid[phase] ?? 0);
  return {
    place: ledger.place,
    isPaid,
    async pay(phase, step) {
      if (isPaid(phase, step)) return;
      const next = { ...paid, [phase]: endOfBlock(demand, phase, step) };
      paid = (await patiently(options, () => ledger.charge(job.id, next))).steps;
    },
    async settle(taken, signer) {
      await patiently(options, () => ledger.settle(job.id, taken));
      return patiently(options, () => documentOf(ledger.database, scope, job.id, signer));
    },
    close: () => ledger.close(),
  };
}

/** Blocks depend on the plan alone, so that what is public of them tells nothing about the data (G19). */
function endOfBlock({ phases }: Demand, phase: string, step: number): number {
  const total = phases.find(({ name }) => name === phase)?.steps ?? 0;
  return Math.min(total, Math.ceil(step / blockOf(total)) * blockOf(total));
}

function blockOf(steps: number): number {
  return Math.max(LEAST_BLOCK, Math.ceil(steps / MOST_BLOCKS));
}

/**
 * The journal is at most as far as the ledger has paid, and at most a block behind: else one of the two is an old copy, and
 * steps could be taken twice that were paid once.
 */
function requireAgreement(job: JobState, taken: Steps): void {
  const ended = job.state === 'settled' || job.state === 'aborted';
  for (const { name, steps } of job.demand.phases) {
    const [inLedger, inJournal] = [job.steps[name] ?? 0, taken[name] ?? 0];
    const most = ended ? inLedger : inJournal + blockOf(steps);
    if (inJournal <= inLedger && inLedger <= most) continue;
    throw new DriftError(
      `job=${job.id}: the ledger has ${inLedger} steps of phase ${name} charged, the run's journal ${inJournal}. ` +
        'One of them is an old copy; restore it, or start a new run.',
    );
  }
  if (job.state !== 'aborted') return;
  throw new DptuneError('budget', `job=${job.id}: its reservation was released. Start a new run.`);
}

async function patiently<T>(options: ChargingOptions, attempt: () => Promise<T>): Promise<T> {
  const { note, stopping, patienceMs = PATIENCE_MS } = options;
  const end = performance.now() + patienceMs;
  for (let waits = 0; ; waits++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LedgerUnavailableError) || stopping() || performance.now() > end) throw error;
      if (waits === 0) note(`${error.message} Waiting up to ${Math.round(patienceMs / 1000)} s.`);
      await sleep(Math.min(250 * 2 ** waits, 5000));
    }
  }
}
