import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  deltaOf,
  epsilonOf,
  eventFromDpAccounting,
  eventFromOpacus,
  validateEvent,
} from '../../privacy/accounting/index.ts';
import type { DpEvent } from '../../privacy/accounting/index.ts';
import { InvalidParameterError, UnsupportedEventError } from '../../privacy/errors.ts';
import { dpSgd, gaussian, times } from './events.ts';

const relation = 'add-or-remove-one';

describe('events from JSON', () => {
  test.each([
    [{ kind: 'gausian' }, /event\.kind="gausian": must be one of no-op/],
    [{ kind: 'gaussian' }, /event\.noiseMultiplier=undefined: must be a finite number above 0/],
    [{ kind: 'gaussian', noiseMultiplier: 0 }, /use kind "non-private"/],
    [{ kind: 'gaussian', noiseMultiplier: '1' }, /noiseMultiplier="1"/],
    [{ kind: 'gaussian', noiseMultiplier: 1, sigma: 2 }, /event\.sigma=2: must be left out/],
    [{ kind: 'poisson-sampled', rate: 1.5, event: { kind: 'no-op' } }, /event\.rate=1\.5/],
    [{ kind: 'self-composed', count: 2.5, event: { kind: 'no-op' } }, /whole number/],
    [{ kind: 'composed', events: [{ kind: 'no-op' }, 3] }, /event\.events\[1\]=3/],
    [{ kind: 'rdp-curve', orders: [2], rdp: [] }, /as many values as orders/],
    [
      { kind: 'mixture-of-gaussians', noiseMultiplier: 1, sensitivities: [1], probabilities: [0.5] },
      /with sum 1/,
    ],
    [null, /an event object/],
  ])('%j is refused plainly', (json, message) => {
    expect(() => validateEvent(json)).toThrow(InvalidParameterError);
    expect(() => validateEvent(json)).toThrow(message);
  });

  test('a tree too deep for the stack is refused', () => {
    let json: unknown = { kind: 'no-op' };
    for (let k = 0; k < 100; k++) json = { kind: 'self-composed', count: 1, event: json };
    expect(() => validateEvent(json)).toThrow(/nested at most 64 deep/);
  });

  test('whatever JSON comes, the answer is an event or a refusal', () => {
    const answersPlainly = fc.property(fc.jsonValue(), (json) => {
      try {
        return typeof validateEvent(json).kind === 'string';
      } catch (error) {
        return error instanceof InvalidParameterError;
      }
    });
    expect(fc.check(answersPlainly, { numRuns: 200, seed: 1 }).failed).toBe(false);
  });
});

describe('questions outside their domain are refused', () => {
  test.each([
    [() => epsilonOf(gaussian(1), { delta: -1, relation }), /delta=-1: must be a probability/],
    [() => epsilonOf(gaussian(1), { delta: NaN, relation }), /delta=NaN/],
    [() => deltaOf(gaussian(1), { epsilon: -0.1, relation }), /epsilon=-0.1: must be 0 or more/],
    [() => epsilonOf(gaussian(1), { delta: 0.1, relation: 'swap' as 'zero-out' }), /relation="swap"/],
  ])('%#', (ask, message) => {
    expect(ask).toThrow(InvalidParameterError);
    expect(ask).toThrow(message);
  });

  test('pairs of event and relation that nothing is known about name the nearest question', () => {
    const response: DpEvent = { kind: 'randomized-response', noiseParameter: 0.5, buckets: 2 };
    expect(() => epsilonOf(response, { delta: 1e-5, relation })).toThrow(/Ask under replace-one/);
    const allocation: DpEvent = { kind: 'random-allocation', steps: 10, selected: 1, event: gaussian(1) };
    expect(() => epsilonOf(allocation, { delta: 1e-5, relation: 'replace-one' })).toThrow(
      /Ask under add-or-remove-one/,
    );
    const laplaces: DpEvent = { ...allocation, event: { kind: 'laplace', noiseMultiplier: 1 } };
    expect(() => epsilonOf(laplaces, { delta: 1e-5, relation })).toThrow(UnsupportedEventError);
  });
});

test('pure differential privacy: delta 0 adds up the largest losses, and is infinite for Gaussians', () => {
  const laplace: DpEvent = times(3, { kind: 'laplace', noiseMultiplier: 2 });
  expect(epsilonOf(laplace, { delta: 0, relation }).epsilon.upper).toBeCloseTo(1.5, 12);
  expect(epsilonOf(gaussian(1), { delta: 0, relation }).epsilon.upper).toBe(Infinity);
  expect(epsilonOf({ kind: 'non-private' }, { delta: 0.5, relation }).epsilon.upper).toBe(Infinity);
});

function digest(event: DpEvent, delta: number): string {
  return epsilonOf(event, { delta, relation }).digest;
}

test('answers carry their question: equal questions have equal digests, others not', () => {
  expect(digest(gaussian(1), 1e-5)).toBe(digest({ noiseMultiplier: 1, kind: 'gaussian' }, 1e-5));
  expect(digest(gaussian(1), 1e-5)).not.toBe(digest(gaussian(1), 1e-6));
  expect(digest(gaussian(1), 1e-5)).toMatch(/^[0-9a-f]{64}$/);
});

describe('events of other tools', () => {
  test('an Opacus history or state dict', () => {
    const expected = { kind: 'composed', events: [dpSgd(1, 0.01, 1000)] };
    expect(eventFromOpacus([[1, 0.01, 1000]])).toEqual(expected);
    expect(eventFromOpacus({ history: [[1, 0.01, 1000]], mechanism: 'prv' })).toEqual(expected);
    expect(() => eventFromOpacus([[1, 0.01]])).toThrow(/history\[0\]/);
  });

  test('a dp_accounting event as objects and as lists', () => {
    // json.dumps(SelfComposedDpEvent(PoissonSampledDpEvent(.01, GaussianDpEvent(1.)), 1000).to_named_tuple())
    const list = [
      'dp_accounting.dp_event',
      'SelfComposedDpEvent',
      [
        'dp_accounting.dp_event',
        'PoissonSampledDpEvent',
        0.01,
        ['dp_accounting.dp_event', 'GaussianDpEvent', 1],
      ],
      1000,
    ];
    const object = {
      class_name: 'SelfComposedDpEvent',
      count: 1000,
      event: {
        class_name: 'PoissonSampledDpEvent',
        sampling_probability: 0.01,
        event: { class_name: 'GaussianDpEvent', noise_multiplier: 1 },
      },
    };
    expect(eventFromDpAccounting(list)).toEqual(dpSgd(1, 0.01, 1000));
    expect(eventFromDpAccounting(object)).toEqual(dpSgd(1, 0.01, 1000));
    const cut = ['dp_accounting.dp_event', 'TruncatedSubsampledGaussianDpEvent', 1000, 0.05, 60, 2];
    expect(eventFromDpAccounting(cut)).toEqual({
      kind: 'truncated-poisson-sampled',
      datasetSize: 1000,
      rate: 0.05,
      maxBatch: 60,
      event: gaussian(2),
    });
    expect(() => eventFromDpAccounting({ class_name: 'SampledWithReplacementDpEvent' })).toThrow(
      /cannot be imported/,
    );
  });
});
