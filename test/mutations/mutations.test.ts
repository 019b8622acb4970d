import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type * as processes from '../support/kill-process.ts';
import { createWorkplace, newRun, tinyJobFile } from '../support/tiny-job.ts';
import { inCage, occurrences, tryMutation } from './cage.ts';
import { zoo, type Mutation } from './zoo.ts';

test.each(zoo.flatMap(({ name, edits }) => edits.map((edit) => ({ name, ...edit }))))(
  'G36: $name still fits $file',
  (edit) => {
    expect(occurrences(edit)).toBe(1);
  },
);

test('G36: all fourteen mistakes are in the zoo, each under a name of its own', () => {
  expect(zoo.filter(({ listed }) => listed)).toHaveLength(14);
  expect(new Set(zoo.map(({ name }) => name)).size).toBe(zoo.length);
});

/** The cheapest of them, one for each kind of check; `npx tsx bench/mutations.ts` tries all. */
const quick = {
  'noise scaled for a mean': 'noise',
  'divide by the realised batch': 'divisor',
  'shuffle for Poisson': 'sampler',
  'reused stream on resume': 'resume',
  'one step too many': 'plan',
  'adapter half clipped': 'coverage',
};

describe('G36: tier 0 catches', () => {
  test.each(Object.entries(quick))('%s', { timeout: 60_000 }, async (name, check) => {
    const { caughtBy } = await tryMutation(mutationOf(name));
    expect(caughtBy).toContain(check);
  });
});

test('G36: with a mistake in it, train exits with 30 before it begins', { timeout: 60_000 }, async () => {
  const place = await createWorkplace();
  try {
    const [job, out] = [await tinyJobFile(place), newRun(place)];
    const { code, errors, events } = await inCage(mutationOf('noise off').edits, async (addressOf) => {
      const broken = (await import(addressOf('test/support/kill-process.ts'))) as typeof processes;
      return broken.runCommand(['train', job, '--out', out]);
    });
    expect(errors).toMatch(/conformance=failed: .*\n.*noise: failed: .*noise scale/);
    expect(code).toBe(30);
    expect(events.map(({ event }) => event)).toEqual(['error']);
    expect(existsSync(out)).toBe(false);
  } finally {
    place.remove();
  }
});

function mutationOf(wanted: string): Mutation {
  return zoo.find(({ name }) => name === wanted)!;
}
