import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidParameterError } from '../../privacy/errors.ts';

/** How long SQLite itself waits, which holds up this whole process, and others' transactions in it. */
export const blockingMs = 20;
/** How long a process waits for others' transactions, unless DPTUNE_LEDGER_WAIT says so in seconds. */
const usualWaitMs = 60_000;
/** Longest pause between two attempts. Whoever has waited for a second pauses half as long, for two a third. */
const longestPauseMs = 25;
/** Who was just inside pauses as briefly as one that has waited for so long. */
const letOthersMs = 2000;
/** For so long after it had to wait, a process believes that others still do. */
const crowdedMs = 1000;
/** Turns that are no further apart than this, over more than that, are a streak that nobody else may get into. */
const [streakGapMs, longestStreakMs] = [50, 100];

/** Others held the database for as long as this process was to wait. */
export class BusyError extends Error {
  readonly waitedMs: number;
  constructor(waitedMs: number, options: ErrorOptions) {
    super(`busy for ${waitedMs} ms`, options);
    this.waitedMs = waitedMs;
  }
}

/**
 * How long to wait for others.
 * @throws InvalidParameterError for a value of DPTUNE_LEDGER_WAIT that is no number of seconds
 */
export function waitMs(env: Readonly<Record<string, string | undefined>> = process.env): number {
  const given = env['DPTUNE_LEDGER_WAIT'];
  if (!given) return usualWaitMs;
  const seconds = Number(given);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  throw new InvalidParameterError(
    `DPTUNE_LEDGER_WAIT=${given}: must be a number of seconds from 0. Leave it out for ${usualWaitMs / 1000}.`,
  );
}

/** One process's turns at a lock that SQLite gives to whoever asks at the right moment. */
export interface Turn {
  /**
   * Does `attempt`, which takes the lock; again and again while others hold it.
   * @throws BusyError once it has waited for long enough
   */
  take(attempt: () => void): Promise<void>;
}

/**
 * Turns that are fair enough: pauses are random, so that processes that began together do not ask together; they get shorter
 * for whoever waits long; and who takes one turn after another lets others ask first, before each turn while others are known to
 * wait, and now and then to find out.
 */
export function turnAt(longestWaitMs: number): Turn {
  let [lastBusy, lastTaken, streakBegan] = [-Infinity, -Infinity, -Infinity];
  const isPause = (now: number): boolean => {
    if (now - lastTaken > streakGapMs) streakBegan = now;
    return now - lastBusy < crowdedMs ? lastTaken > lastBusy : now - streakBegan > longestStreakMs;
  };
  return {
    async take(attempt) {
      if (isPause(performance.now())) {
        await sleep(pauseMs(letOthersMs));
        streakBegan = performance.now();
      }
      const began = performance.now();
      for (;;) {
        try {
          attempt();
          lastTaken = performance.now();
          return;
        } catch (error) {
          if (!isBusy(error)) throw error;
          lastBusy = performance.now();
          if (lastBusy - began >= longestWaitMs) throw new BusyError(longestWaitMs, { cause: error });
        }
        await sleep(pauseMs(lastBusy - began));
      }
    },
  };
}

function pauseMs(waitedMs: number): number {
  return randomInt(1, Math.max(3, Math.ceil(longestPauseMs / (1 + waitedMs / 1000))));
}

/** Whether somebody else held the database when a statement asked for it. */
export function isBusy(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return (
    error instanceof BusyError ||
    /^SQLITE_(BUSY|LOCKED)/.test(String(code)) ||
    /database is locked/.test(String(error))
  );
}
