import { describe, expect, test } from 'vitest';
import { occurrences, tryMutation } from './cage.ts';
import { zoo } from './zoo.ts';

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
    const { caughtBy } = await tryMutation(zoo.find((mutation) => mutation.name === name)!);
    expect(caughtBy).toContain(check);
  });
});
