import { describe, expect, test } from 'vitest';
import { deltaOf, monteCarloDelta } from '../../privacy/accounting/index.ts';
import type { DpEvent } from '../../privacy/accounting/index.ts';
import { InvalidParameterError, UnsupportedEventError } from '../../privacy/errors.ts';
import { answerLine } from '../../src/commands/account-batch.ts';
import { dpSgd, gaussian, sampled, times } from './events.ts';

const relation = 'zero-out';
const samples = 20_000;

const events: readonly (readonly [string, DpEvent, DpEvent])[] = [
  ['DP-SGD', dpSgd(1, 0.05, 20), dpSgd(1, 0.06, 20)],
  [
    'sampled Laplace',
    times(10, sampled(0.1, { kind: 'laplace', noiseMultiplier: 1 })),
    times(10, sampled(0.1, { kind: 'laplace', noiseMultiplier: 0.8 })),
  ],
  [
    'discrete Gaussian',
    times(5, { kind: 'discrete-gaussian', sigma: 4, sensitivity: 1 }),
    times(5, { kind: 'discrete-gaussian', sigma: 3.5, sensitivity: 1 }),
  ],
  [
    'balls in bins',
    { kind: 'balls-in-bins', bins: 20, epochs: 2, event: gaussian(1) },
    { kind: 'balls-in-bins', bins: 16, epochs: 2, event: gaussian(1) },
  ],
  [
    'one of ten steps',
    { kind: 'random-allocation', steps: 10, selected: 1, event: gaussian(1) },
    { kind: 'random-allocation', steps: 8, selected: 1, event: gaussian(1) },
  ],
];

describe('a simulation agrees with the certified bounds', () => {
  test.each(events)('%s, and not with another mechanism’s', (_, event, other) => {
    const epsilon = 0.3;
    const found = monteCarloDelta(event, { epsilon, relation, seed: 3, samples });
    const { lower, upper } = deltaOf(event, { epsilon, relation }).delta;
    expect(found.certified).toBe(false);
    expect(found.delta.lower).toBeLessThan(upper);
    expect(found.delta.upper).toBeGreaterThan(lower);
    expect(Math.abs(found.delta.estimate / upper - 1) * upper).toBeLessThan(4 * found.standardError);
    const wrong = deltaOf(other, { epsilon, relation }).delta;
    expect(Math.abs(wrong.lower - found.delta.estimate)).toBeGreaterThan(4 * found.standardError);
  });

  test('two of ten steps: drawn as they are, inside the bounds', () => {
    const event: DpEvent = { kind: 'random-allocation', steps: 10, selected: 2, event: gaussian(1) };
    const found = monteCarloDelta(event, { epsilon: 0.3, relation, seed: 3, samples });
    const { lower, upper } = deltaOf(event, { epsilon: 0.3, relation }).delta;
    expect(found.delta.estimate).toBeLessThan(upper + 3 * found.standardError);
    expect(found.delta.estimate).toBeGreaterThan(lower - 3 * found.standardError);
  });
});

function ask(seed: number) {
  return monteCarloDelta(dpSgd(1, 0.05, 5), { epsilon: 0.1, relation, seed, samples: 2000 });
}

test('the seed decides the answer and is part of it', () => {
  expect(ask(1)).toEqual(ask(1));
  expect(ask(1).delta.estimate).not.toBe(ask(2).delta.estimate);
  expect(ask(1)).toMatchObject({ method: 'monte-carlo', certified: false, seed: 1, confidence: 0.999 });
});

test('what cannot be simulated is refused', () => {
  const options = { epsilon: 1, relation, seed: 1, samples: 1000 } as const;
  expect(() => monteCarloDelta({ kind: 'zcdp', rho: 1 }, options)).toThrow(UnsupportedEventError);
  expect(() => monteCarloDelta(dpSgd(1, 0.1, 1e9), options)).toThrow(/fewer samples or steps/);
  expect(() => monteCarloDelta(gaussian(1), { ...options, samples: 10 })).toThrow(InvalidParameterError);
  expect(() => monteCarloDelta(gaussian(1), { ...options, confidence: 1 })).toThrow(/confidence=1/);
});

test('dptune account --batch simulates on request and says so', () => {
  const simulate = { epsilon: 0.5, samples: 1000, seed: 'a' };
  const answer = answerLine(JSON.stringify({ id: 7, event: gaussian(1), relation, query: { simulate } }));
  expect(answer).toMatchObject({ id: 7, certified: false, method: 'monte-carlo', seed: 'a', samples: 1000 });
  const missing = answerLine(
    JSON.stringify({ event: gaussian(1), relation, query: { simulate: { ...simulate, seed: null } } }),
  );
  expect(missing['error']).toMatchObject({ message: expect.stringContaining('seed=null') as string });
});
