import { describe, expect, test } from 'vitest';
import { cellsOf } from '../../privacy/accounting/cells.ts';
import type { Cells } from '../../privacy/accounting/cells.ts';
import { composePhases } from '../../privacy/accounting/composition.ts';
import type { Composition } from '../../privacy/accounting/composition.ts';
import { compose } from '../../privacy/accounting/convolution.ts';
import { cumulantOf } from '../../privacy/accounting/cumulant.ts';
import { dominatingPair } from '../../privacy/accounting/dominating.ts';
import { epsilonOf } from '../../privacy/accounting/index.ts';
import { optimistic, pessimistic } from '../../privacy/accounting/lattice.ts';
import type { Lattice } from '../../privacy/accounting/lattice.ts';
import { lowerEpsilon, profileOf, upperEpsilon } from '../../privacy/accounting/profile.ts';
import { singleStepEpsilon } from '../../privacy/accounting/single-step.ts';
import { truncated } from '../../privacy/accounting/tails.ts';
import { gaussian, sampled, times } from './events.ts';

/**
 * Numerical mistakes that an accountant of this kind can contain. Each is put in, and the check that guards against it
 * must fail; the same check passes on the engine as it is.
 * The true values are closed forms: N Gaussian steps are one Gaussian (Balle and Wang).
 */
const steps = 16;
const noise = 4;
const delta = 1e-6;
const size = 2 ** 11;
const truth = epsilonOf(times(steps, gaussian(noise)), { delta, relation: 'add-or-remove-one' }).epsilon
  .upper;

const pair = dominatingPair(gaussian(noise), 'add-or-remove-one', 'remove')!;
const cumulant = cumulantOf(pair);
const tilt = 4;

function honest(): Composition {
  const phase = { pair: truncated(pair, steps, 1e-7 * delta), count: steps, cumulant };
  return composePhases([phase], tilt, { epsilon: truth, slope: tilt, nats: 35 }, size);
}

type Enclosure = { readonly lower: number; readonly upper: number };

function enclose(composition: Composition, at = delta): Enclosure {
  const profile = profileOf(composition);
  const upper = upperEpsilon(profile, at);
  return { lower: lowerEpsilon(profile, at, Math.min(upper, 1e6)), upper };
}

/** The check: the interval holds the truth, and its upper end is close. */
function passes({ lower, upper }: Enclosure, real = truth): boolean {
  return lower <= real && real <= upper && upper <= real * (1 + 1e-4);
}

test('the engine as it is passes', () => {
  expect(passes(enclose(honest()))).toBe(true);
});

const grid = { width: 2 ** -9, tilt: 0, logScale: 0, offset: 0, first: -2048, last: 2047 };
const cells = cellsOf(pair, grid, -9, 9);

/** The composition of `steps` single-step lattices made from the cells by the given rules. */
function composed(upper: (cells: Cells) => Lattice, lower: (cells: Cells) => Lattice): Composition {
  const width = grid.width;
  const factor = { upper: upper(cells), lower: lower(cells), upperCount: steps, lowerCount: steps };
  const result = compose([factor], -8192, 16384);
  return {
    width,
    tilt: 0,
    offset: 0,
    upper: result.upper,
    lower: result.lower,
    upperScale: 0,
    lowerScale: 0,
    lost: { truncation: 1e-15, aliasing: 0, below: 0 },
    pointError: result.pointError,
    infinite: 0,
    relative: 1e-10,
    shift: 0,
  };
}
const up = (c: Cells): Lattice => pessimistic(c, grid.width, 0);
const down = (c: Cells): Lattice => optimistic(c, grid.width, 0);

test('the same with the engine’s own rules for cells passes', () => {
  expect(passes(enclose(composed(up, down)))).toBe(true);
});

const faults: readonly (readonly [string, () => Enclosure])[] = [
  [
    'first-order rounding: all of a cell goes up',
    () => enclose(composed((c) => pessimistic({ ...c, up: sum(c), down: zeros(c) }, grid.width, 0), down)),
  ],
  [
    'rounding to the wrong side: all of a cell goes down in the upper bound',
    () => enclose(composed((c) => pessimistic({ ...c, up: zeros(c), down: sum(c) }, grid.width, 0), down)),
  ],
  [
    'rounding to the nearest point in the upper bound',
    () =>
      enclose(
        composed((c) => {
          const { first, mass } = pessimistic({ ...c, up: zeros(c), down: sum(c) }, grid.width, 0);
          return { first, mass: mass.map((_, k) => (mass[k]! + (mass[k - 1] ?? 0)) / 2 - mass[k]! * 1e-4) };
        }, down),
      ),
  ],
  ['the lower bound uses the pessimistic lattice', () => enclose(composed(up, up))],
  [
    'an optimistic merge that does not check P / Q',
    () => enclose(composed(up, (c) => ({ first: c.first + 1, mass: sum(c) }))),
  ],
  [
    'a step too few',
    () => {
      const fewer = epsilonOf(times(steps - 1, gaussian(noise)), {
        delta,
        relation: 'add-or-remove-one',
      }).epsilon;
      return fewer;
    },
  ],
  [
    'the sensitivity factor of replace-one under add-or-remove-one',
    () => epsilonOf(times(steps, gaussian(noise)), { delta, relation: 'replace-one' }).epsilon,
  ],
  [
    'noise variance for standard deviation',
    () => epsilonOf(times(steps, gaussian(noise ** 2)), { delta, relation: 'add-or-remove-one' }).epsilon,
  ],
  ['the scale of the tilt left out', () => enclose({ ...honest(), upperScale: 0, lowerScale: 0 })],
  ['the tilt undone with the wrong sign', () => enclose({ ...honest(), tilt: -tilt })],
  [
    'a lattice off by one point',
    () => {
      const right = honest();
      return enclose({ ...right, upper: { ...right.upper, first: right.upper.first - 1 } });
    },
  ],
  ['a lost sign of the mass with infinite loss', () => enclose({ ...honest(), infinite: -1e-6 })],
];

describe('every fault is caught', () => {
  test.each(faults)('%s', (_, faulty) => {
    expect(passes(faulty())).toBe(false);
  });
});

describe('sums of likelihood ratios (allocation)', () => {
  const event = { kind: 'random-allocation', steps: 50, selected: 1, event: gaussian(1) } as const;
  const { lower, upper } = epsilonOf(event, { delta, relation: 'zero-out' }).epsilon;
  const at = (side: 'upper' | 'lower', direction: 'remove' | 'add'): number =>
    singleStepEpsilon(dominatingPair(event, 'zero-out', direction, side)!, delta, side);

  test('ratios contracted to their means are no upper bound, spread ones no lower bound', () => {
    expect(at('upper', 'remove')).toBe(upper);
    expect(at('lower', 'remove')).toBe(lower);
    expect(lower).toBeLessThan(upper);
    expect(upper / lower).toBeLessThan(1.002);
  });

  test('the add direction alone understates it', () => {
    expect(at('upper', 'add')).toBeLessThan(0.9 * lower);
  });

  test('Poisson sampling at rate 1 / steps is another mechanism', () => {
    const poisson = epsilonOf(times(50, sampled(1 / 50, gaussian(1))), {
      delta,
      relation: 'zero-out',
    }).epsilon;
    expect(poisson.lower > upper || poisson.upper < lower).toBe(true);
  });
});

function sum(c: Cells): Float64Array {
  return c.up.map((value, k) => value + c.down[k]!);
}

function zeros(c: Cells): Float64Array {
  return new Float64Array(c.up.length);
}

describe('what is lost is accounted for', () => {
  test('no tilt: at delta 1e-30 rounding swamps the answer, and the bound says so instead of falling below', () => {
    const real = epsilonOf(times(steps, gaussian(noise)), {
      delta: 1e-30,
      relation: 'add-or-remove-one',
    }).epsilon;
    const phase = { pair: truncated(pair, steps, 1e-40), count: steps, cumulant };
    const tilted = composePhases([phase], 12, { epsilon: real.upper, slope: 12, nats: 35 }, size);
    expect(passes(enclose(tilted, 1e-30), real.upper)).toBe(true);
    const untilted = composePhases([phase], 0, { epsilon: real.upper, slope: 12, nats: 35 }, size);
    expect(enclose(untilted, 1e-30).upper).toBe(Infinity);
    // Without the rounding term the same lattice gives a number, far from the truth.
    const careless = {
      ...untilted,
      pointError: 0,
      lost: { truncation: 0, aliasing: 0, below: 0 },
      infinite: 0,
    };
    expect(passes(enclose(careless, 1e-30), real.upper)).toBe(false);
  });

  test('mass that wraps around a window that is too small is bounded by the Chernoff terms', () => {
    // A window of a quarter of the needed width: true tails wrap into it.
    const result = compose(
      [{ upper: up(cells), lower: down(cells), upperCount: steps, lowerCount: steps }],
      -512,
      1024,
    );
    const wrapped = {
      ...composed(up, down),
      upper: result.upper,
      lower: result.lower,
      pointError: result.pointError,
    };
    expect(passes(enclose(wrapped))).toBe(false);
    const accounted = { ...wrapped, lost: { truncation: 0, aliasing: 1, below: 1 } };
    const { lower, upper } = enclose(accounted);
    expect(lower <= truth && truth <= upper).toBe(true);
  });

  test('truncated outcomes are charged: without their mass the bound falls below the truth', () => {
    const real = epsilonOf(gaussian(noise), { delta, relation: 'add-or-remove-one' }).epsilon.upper;
    const coarse = { pair: truncated(pair, 1, 0.5 * delta), count: 1, cumulant };
    const charged = composePhases([coarse], tilt, { epsilon: real, slope: tilt, nats: 35 }, size);
    expect(enclose(charged).upper).toBeGreaterThanOrEqual(real);
    expect(enclose({ ...charged, infinite: 0 }).upper).toBeLessThan(real);
  });

  test('asking only for the add direction understates a sampled mechanism', () => {
    const event = times(100, sampled(0.05, gaussian(1)));
    const both = epsilonOf(event, { delta, relation: 'add-or-remove-one' });
    expect(both.direction).toBe('remove');
    const add = dominatingPair(sampled(0.05, gaussian(1)), 'add-or-remove-one', 'add')!;
    const phase = { pair: truncated(add, 100, 1e-7 * delta), count: 100, cumulant: cumulantOf(add) };
    const alone = composePhases([phase], 4, { epsilon: 1, slope: 4, nats: 35 }, 2 ** 13);
    expect(enclose(alone).upper).toBeLessThan(both.epsilon.lower);
  });
});
