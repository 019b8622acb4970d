import { expect, test } from 'vitest';
import type { PhaseRun } from '../../src/train/index.ts';
import { LedgerUnavailableError, type Charging } from '../../src/ledger/index.ts';
import { paying } from '../../src/train/charging.ts';
import { recorder } from '../support/tiny-job.ts';

/** A phase of 100 steps that only counts them, and a ledger that answers until step `until`. */
function fakes(until: number) {
  let taken = 0;
  let paid = 0;
  const run = {
    phase: { name: 'all', steps: 100 },
    get taken() {
      return taken;
    },
    step: () => {
      expect(taken + 1).toBeLessThanOrEqual(paid);
      taken++;
      return Promise.resolve({ step: taken });
    },
  } as unknown as PhaseRun;
  const charging = {
    isPaid: (_: string, step: number) => step <= paid,
    pay: (_: string, step: number) => {
      if (step > until) return Promise.reject(new LedgerUnavailableError('ledger: does not answer.'));
      paid = Math.max(paid, step);
      return Promise.resolve();
    },
  } as unknown as Charging;
  return { run, charging };
}

test('a run stops between two steps where its ledger stops answering, and can save its state', async () => {
  const { run, charging } = fakes(7);
  const observer = recorder();
  const paid = paying(run, charging, observer);
  while (!paid.observer.stopping() && paid.run.taken < 100) await paid.run.step();
  expect(paid.run.taken).toBe(7);
  expect(observer.stopping()).toBe(false);
  expect(observer.notes.join()).toContain('Stopping at step 7; nothing is lost.');
});

test('a run whose ledger answers takes all of its steps', async () => {
  const { run, charging } = fakes(100);
  const paid = paying(run, charging, recorder());
  while (!paid.observer.stopping() && paid.run.taken < 100) await paid.run.step();
  expect(paid.run.taken).toBe(100);
});

test('a first step that cannot be paid for is not taken', async () => {
  const { run, charging } = fakes(0);
  const paid = paying(run, charging, recorder());
  await expect(paid.run.step()).rejects.toThrow(LedgerUnavailableError);
  expect(paid.run.taken).toBe(0);
});

test('another error of the ledger ends the run', async () => {
  const { run } = fakes(0);
  const charging = { pay: () => Promise.reject(new Error('was released')) } as unknown as Charging;
  await expect(paying(run, charging, recorder()).run.step()).rejects.toThrow('was released');
});
