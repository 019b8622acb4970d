import { describe, expect, test } from 'vitest';
import type { DpEvent } from '../../privacy/accounting/index.ts';
import { calibrate, calibrateFigure, epsilonCurve, epsilonOf } from '../../privacy/accounting/index.ts';
import { CalibrationError, InvalidParameterError } from '../../privacy/errors.ts';
import { dpSgd, gaussian, referenceRecords } from './events.ts';

const relation = 'add-or-remove-one';

type Query = { type: string; target_epsilon: number; delta: number };
const asked = referenceRecords().filter(({ query }) => query.type === 'noise_multiplier');

describe('G22 a calibrated noise multiplier meets its target, and wastes at most 0.1 %', () => {
  test.each(asked.map((record) => [record.id, record] as const))('%s', (_, { mechanism, query, truth }) => {
    const { target_epsilon: epsilon, delta } = query as unknown as Query;
    const { value, answer } = calibrate(
      (noise) => dpSgd(noise, mechanism['sampling_probability']!, mechanism['steps']!),
      { target: { epsilon, delta }, relation },
    );
    expect(answer.epsilon.upper).toBeLessThanOrEqual(epsilon);
    expect(answer.epsilon.upper).toBeGreaterThanOrEqual(epsilon * (1 - 1e-3));
    expect(value).toBeGreaterThanOrEqual(truth!.estimate! * (1 - 1e-5));
    expect(value).toBeLessThanOrEqual(truth!.estimate! * (1 + 1e-3));
  });
});

function stepsEvent(steps: number): DpEvent {
  return dpSgd(1, 0.01, steps);
}

test('the largest number of steps: one more would break the target', () => {
  const target = { epsilon: 1, delta: 1e-5 };
  const { value, answer } = calibrate(stepsEvent, { target, relation, integer: true, decreasing: false });
  // dp_accounting's PLD finds 254 as well, its RDP accountant 4.
  expect(value).toBe(254);
  expect(answer.epsilon.upper).toBeLessThanOrEqual(1);
  expect(epsilonOf(stepsEvent(value + 1), { delta: 1e-5, relation }).epsilon.upper).toBeGreaterThan(1);
});

test('a sampling rate', () => {
  const { value, answer } = calibrate((rate) => dpSgd(1, rate, 1000), {
    target: { epsilon: 2, delta: 1e-5 },
    relation,
    decreasing: false,
  });
  expect(answer.epsilon.upper).toBeLessThanOrEqual(2);
  expect(answer.epsilon.upper).toBeGreaterThan(2 * (1 - 1e-3));
  expect(value).toBeGreaterThan(0.01);
});

function impossible(): unknown {
  return calibrate((noise) => dpSgd(noise, 0.5, 1000), {
    target: { epsilon: 1e-9, delta: 1e-9 },
    relation,
    upper: 10,
  });
}

test('noise for an attack figure: the true positive rate at 1 % false positives of a Gaussian', () => {
  const { value, reached } = calibrateFigure(gaussian, {
    figure: (readouts) => readouts.truePositiveRate(0.01).upper,
    target: 1 - 0.9076377519263059,
    relation,
  });
  // mu = 1 has that rate (scipy: Phi(Phi^-1(0.99) - 1) = 0.90764).
  expect(reached).toBeLessThanOrEqual(1 - 0.9076377519263059);
  expect(value).toBeGreaterThanOrEqual(1);
  expect(value).toBeLessThan(1.002);
});

test('a target out of reach is refused with what to change', () => {
  expect(impossible).toThrow(CalibrationError);
  expect(impossible).toThrow(/more units \(n\), a smaller batch or fewer epochs/);
  expect(() => calibrate(gaussian, { target: { epsilon: 0, delta: 1e-5 }, relation })).toThrow(
    InvalidParameterError,
  );
});

test('epsilon by step rises to the whole event’s', () => {
  const event = { kind: 'composed', events: [dpSgd(1, 0.01, 60), dpSgd(2, 0.02, 40)] } as const;
  const curve = epsilonCurve(event, [0, 1, 60, 80, 100], { delta: 1e-5, relation });
  expect(curve.map(({ step }) => step)).toEqual([0, 1, 60, 80, 100]);
  expect(curve[0]!.epsilon.upper).toBe(0);
  for (let k = 1; k < curve.length; k++) {
    expect(curve[k]!.epsilon.upper).toBeGreaterThan(curve[k - 1]!.epsilon.upper);
  }
  expect(curve.at(-1)!.epsilon.upper).toBeGreaterThanOrEqual(
    epsilonOf(event, { delta: 1e-5, relation }).epsilon.lower,
  );
});
