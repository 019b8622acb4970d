import { readFileSync } from 'node:fs';
import { assert, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addAmounts,
  applyEntry,
  balanceOf,
  costOf,
  createFilter,
  emptyState,
  epsilonOf,
  figuresOf,
  fits,
  levelOf,
  noAmounts,
  refusalOf,
  remedyOf,
  rememberedCosts,
  scopeOf,
  type DpEvent,
  type Scope,
  type ScopeSettings,
} from '../../privacy/index.ts';
import { dpSgd, gaussian, sampled } from '../accounting/events.ts';

interface Golden {
  readonly orders: readonly number[];
  readonly delta: number;
  readonly sampled: readonly {
    rate: number;
    noiseMultiplier: number;
    steps: number;
    rdp: readonly number[];
  }[];
  readonly gaussianEpsilon: readonly { mu: number; epsilon: number }[];
  readonly zcdpEpsilon: readonly { rho: number; epsilon: number }[];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/ledger/filters.json', import.meta.url), 'utf8'),
) as Golden;

const scope = (budget: ScopeSettings['budget'], more: Partial<ScopeSettings> = {}): Scope =>
  scopeOf({
    name: 'people',
    description: 'people of a test',
    unit: 'record',
    relation: 'add-or-remove-one',
    delta: golden.delta,
    budget,
    ...more,
  });
const once = (...events: readonly DpEvent[]) => ({ phases: [], once: events });
const relation = 'add-or-remove-one';

describe('scopes', () => {
  test('take their method from the unit of their budget', () => {
    expect(scope({ epsilon: 2 })).toMatchObject({ method: 'rdp' });
    expect(scope({ rho: 0.5 })).toMatchObject({ method: 'zcdp' });
    expect(scope({ mu: 1 })).toMatchObject({ method: 'gdp' });
    const { orders } = scope({ epsilon: 2 });
    expect(orders!.reduce((sum, { share }) => sum + share, 0)).toBe(1);
    expect(orders!.every(({ order }) => order > 1)).toBe(true);
  });

  test.each([
    [{ budget: {} }, /must be one of epsilon, rho and mu/],
    [{ budget: { epsilon: 1, mu: 1 } }, /must be one of epsilon, rho and mu/],
    [{ budget: { epsilon: NaN } }, /budget.epsilon=NaN/],
    [{ budget: { epsilon: -1 } }, /budget.epsilon=-1/],
    [{ budget: { mu: 0 } }, /budget.mu=0/],
    [{ budget: { rho: Infinity } }, /budget.rho=Infinity/],
    [{ delta: 0 }, /delta=0/],
    [{ delta: 1.5 }, /delta=1.5/],
    [{ name: 'a b' }, /letters, digits/],
    [{ name: '*' }, /letters, digits/],
    [{ description: '' }, /description/],
    [{ unit: 'person' }, /unit="person"/],
    [{ relation: 'swap' }, /relation="swap"/],
    [{ expires: '2027-13-01' }, /must be a date/],
    [{ exipres: '2027-01-01' }, /exipres: is not part/],
  ])('with %j are refused', (more, message) => {
    expect(() => scope({ epsilon: 1 }, more as Partial<ScopeSettings>)).toThrow(message);
  });
});

describe('costs', () => {
  test('are the Renyi divergences of dp-accounting, rounded up', () => {
    const orders = golden.orders.map((order) => ({ order, share: 1 / golden.orders.length }));
    const renyi = { ...scope({ epsilon: 8 }), orders };
    for (const { rate, noiseMultiplier, steps, rdp } of golden.sampled) {
      const amounts = costOf(renyi, once(dpSgd(noiseMultiplier, rate, steps)));
      amounts.forEach((amount, k) => {
        expect(amount / 1e9).toBeGreaterThanOrEqual(rdp[k]! * (1 - 1e-12));
        expect(amount / 1e9).toBeLessThan(rdp[k]! * (1 + 1e-7) + 1e-8);
      });
    }
  });

  test('read as epsilon are those of the Gaussian mechanism and of zCDP', () => {
    for (const { mu, epsilon } of golden.gaussianEpsilon) {
      const gdp = scope({ mu: 5 });
      expect(figuresOf(gdp, costOf(gdp, once(gaussian(1 / mu)))).epsilon).toBeCloseTo(epsilon, 6);
    }
    for (const { rho, epsilon } of golden.zcdpEpsilon) {
      const zcdp = scope({ rho: 5 });
      const { epsilon: found } = figuresOf(zcdp, costOf(zcdp, once({ kind: 'zcdp', rho })));
      expect(found / epsilon).toBeGreaterThan(1 - 1e-7);
      expect(found / epsilon).toBeLessThan(1 + 1e-5);
    }
  });

  test('of round numbers are round: ten jobs of a tenth fit', () => {
    const zcdp = scope({ rho: 1 });
    let held = noAmounts(zcdp);
    for (let job = 0; job < 10; job++) {
      const cost = costOf(zcdp, once(gaussian(Math.sqrt(5))));
      expect(fits(zcdp, held, cost)).toBe(true);
      held = addAmounts(held, cost);
    }
    expect(fits(zcdp, held, costOf(zcdp, once(gaussian(1e4))))).toBe(false);
  });

  test('a unit that is replaced costs four times one that is added', () => {
    const relations = ['add-or-remove-one', 'replace-one'] as const;
    const [add, replace] = relations.map((one) => {
      const zcdp = scope({ rho: 1 }, { relation: one });
      return costOf(zcdp, once(gaussian(10)))[0]!;
    });
    expect(replace).toBe(4 * add!);
  });

  test('in rho, sampling gains nothing, and pure mechanisms have their own bounds', () => {
    const zcdp = scope({ rho: 10 });
    const rho = (event: DpEvent) => costOf(zcdp, once(event))[0]! / 1e9;
    expect(rho(sampled(0.01, gaussian(2)))).toBe(rho(gaussian(2)));
    expect(rho({ kind: 'laplace', noiseMultiplier: 2 })).toBeCloseTo(0.125, 9);
    expect(rho({ kind: 'exponential', epsilon: 1 })).toBeCloseTo(0.125, 9);
    expect(rho({ kind: 'permute-and-flip', epsilon: 1 })).toBeCloseTo(0.5, 9);
    expect(rho({ kind: 'epsilon-delta', epsilon: 1, delta: 0 })).toBeCloseTo(0.5, 9);
    expect(() => rho({ kind: 'epsilon-delta', epsilon: 1, delta: 1e-9 })).toThrow(/budget is in epsilon/);
  });

  test('G31 never fall with more steps, never give anything back, and are zero for nothing', () => {
    const scopes = [scope({ epsilon: 4 }), scope({ rho: 1 }), scope({ mu: 1 })];
    const phases = [{ name: 'all', steps: 500, event: gaussian(20) }];
    assert(
      property(nat(500), nat(500), (a, b) => {
        for (const one of scopes) {
          const [few, many] = [Math.min(a, b), Math.max(a, b)].map((all) =>
            costOf(one, { phases, once: [] }, { all }),
          );
          few!.forEach((amount, k) => expect(amount).toBeLessThanOrEqual(many![k]!));
          expect(levelOf(one, few!)).toBeLessThanOrEqual(levelOf(one, many!));
          expect(few!.every((amount) => Number.isSafeInteger(amount) && amount >= 0)).toBe(true);
        }
      }),
      { seed: 3, numRuns: 40 },
    );
    for (const one of scopes) {
      expect(levelOf(one, costOf(one, { phases, once: [] }, {}))).toBe(0);
      expect(levelOf(one, costOf(one, once({ kind: 'no-op' })))).toBe(0);
    }
  });

  test('G31 tiny ones count, huge ones and those without a bound never fit', () => {
    for (const one of [scope({ epsilon: 1000 }), scope({ rho: 1000 }), scope({ mu: 1000 })]) {
      const tiny = costOf(one, once(gaussian(1e9)));
      expect(Math.max(...tiny)).toBe(1);
      for (const event of [gaussian(1e-9), gaussian(1e-160), gaussian(Number.MIN_VALUE)]) {
        const cost = costOf(one, once(event));
        expect(fits(one, noAmounts(one), cost)).toBe(false);
        expect(fits(one, addAmounts(cost, cost), noAmounts(one))).toBe(false);
        expect(fits(one, addAmounts(cost, cost), tiny)).toBe(false);
      }
    }
    const renyi = scope({ epsilon: 1000 });
    expect(levelOf(renyi, costOf(renyi, once({ kind: 'non-private' })))).toBe(Infinity);
    expect(() => costOf(renyi, once(gaussian(NaN)))).toThrow(/finite number above 0/);
    expect(() => costOf(renyi, once(gaussian(-1)))).toThrow(/noiseMultiplier=-1/);
  });

  test('of a sampled job in mu cover its loss distribution, and part of it costs the whole', () => {
    const gdp = scope({ mu: 3 });
    const demand = { phases: [{ name: 'all', steps: 200, event: sampled(0.05, gaussian(2)) }], once: [] };
    const whole = costOf(gdp, demand);
    const certified = epsilonOf(dpSgd(2, 0.05, 200), { delta: golden.delta, relation }).epsilon;
    expect(figuresOf(gdp, whole).epsilon).toBeGreaterThan(certified.lower);
    expect(figuresOf(gdp, whole).epsilon).toBeLessThan(certified.lower * 1.2);
    expect(rememberedCosts()(gdp, demand, { all: 1 })).toEqual(whole);
    expect(levelOf(gdp, costOf(gdp, demand, {}))).toBe(0);
  });
});

describe('a filter', () => {
  const step = sampled(0.01, gaussian(2));

  test('G23 admits up to the budget and refuses the first charge beyond it, without charging', () => {
    const filter = createFilter(scope({ epsilon: 1 }));
    const hundred: DpEvent = { kind: 'self-composed', count: 100, event: step };
    let admitted = 0;
    while (filter.allows(hundred) && admitted < 500) {
      filter.charge(hundred);
      admitted++;
    }
    const spent = filter.spent();
    expect(admitted).toBeGreaterThan(3);
    expect(spent).toBeLessThanOrEqual(1);
    expect(() => filter.charge(hundred)).toThrow(/requested epsilon .* remaining .* short by/);
    expect(filter.spent()).toBe(spent);
    // Valid: the filter's figure is not below the certified epsilon of what ran.
    const ran = { kind: 'self-composed', count: admitted, event: hundred } as const;
    expect(spent).toBeGreaterThanOrEqual(epsilonOf(ran, { delta: golden.delta, relation }).epsilon.lower);
  });

  test('the shares of delta are paid for: a budget at one order alone would admit more', () => {
    const several = scope({ epsilon: 2 });
    const cost = costOf(several, once(gaussian(3)));
    const level = levelOf(several, cost);
    const alone = several.orders!.map((order, k) =>
      levelOf({ ...several, orders: [{ ...order, share: 1 }] }, [cost[k]!]),
    );
    expect(level).toBeGreaterThan(Math.min(...alone));
  });

  test('G17 mechanisms without a loss distribution are charged by what is known of them', () => {
    const filter = createFilter(scope({ epsilon: 8 }));
    filter.charge({ kind: 'zcdp', rho: 0.1 });
    filter.charge({ kind: 'rdp-curve', orders: [3, 8, 64], rdp: [0.1, 0.3, 2] });
    expect(filter.spent()).toBeGreaterThan(0);
    expect(filter.spent()).toBeLessThan(8);
  });
});

describe('a refusal', () => {
  const zcdp = scope({ rho: 0.5 });
  const demand = { phases: [{ name: 'all', steps: 100, event: gaussian(10) }], once: [] };
  const state = (held: number) => [{ scope: zcdp, closed: false, held: [held] }];

  test('says requested, remaining, short by, and what would fit', () => {
    expect(refusalOf(state(1e8), demand)?.message).toMatch(
      /^scope=people: requested rho 0.5, remaining 0.4, short by 0.1\. It would fit with noise multiplier 11\.\d+ or 80 steps\.$/,
    );
    expect(refusalOf(state(0), demand)).toBeUndefined();
    expect(refusalOf(state(0), demand)?.code).toBeUndefined();
    expect(refusalOf(state(1), demand)?.code).toBe('budget');
  });

  test('offers only what really fits', () => {
    const scopes = state(1e8);
    const { noiseFactor, noiseMultipliers, steps } = remedyOf(scopes, demand);
    expect(noiseMultipliers).toEqual([10 * noiseFactor!]);
    const noisier = { phases: [{ ...demand.phases[0]!, event: gaussian(noiseMultipliers[0]!) }], once: [] };
    expect(refusalOf(scopes, noisier)).toBeUndefined();
    expect(
      refusalOf(scopes, { phases: [{ ...demand.phases[0]!, steps: steps!['all']! }], once: [] }),
    ).toBeUndefined();
    const spent = remedyOf(state(5e8), demand);
    expect(spent.steps).toBeUndefined();
    expect(spent.noiseFactor).toBeUndefined();
  });

  test('a balance adds up to the budget', () => {
    const { spentBefore, charged, remaining } = balanceOf(zcdp, [1e8], [3e8]);
    expect([spentBefore, charged, remaining].map((x) => Number(x.toFixed(12)))).toEqual([0.1, 0.3, 0.1]);
  });
});

describe('rules of the log', () => {
  const zcdp = scope({ rho: 0.5 });
  const demand = { phases: [{ name: 'all', steps: 100, event: gaussian(20) }], once: [] };
  const costs = { people: costOf(zcdp, demand) };
  const plan = 'a'.repeat(64);
  const begun = () => {
    const state = emptyState();
    const say = (type: string, payload: object) =>
      applyEntry(state, { type, scope: 'people', time: '2026-11-24T12:00:00.000Z', payload: { ...payload } });
    say('open', zcdp);
    const asked = {
      job: 'one',
      plan,
      demand,
      unit: 'record',
      relation,
      costs,
      approvalsNeeded: 0,
      approvals: [],
    };
    say('reserve', asked);
    return { state, say, asked };
  };

  test('G31 what is held rises with reservations and falls to what was charged, never below', () => {
    const { state, say } = begun();
    expect(state.scopes.get('people')!.held).toEqual([125_000_000]);
    say('charge', { job: 'one', steps: { all: 40 } });
    say('settle', { job: 'one', steps: { all: 40 }, costs: { people: costOf(zcdp, demand, { all: 40 }) } });
    expect(state.scopes.get('people')!.held).toEqual([50_000_000]);
  });

  test.each([
    ['charge', { job: 'one', steps: { all: 101 } }, /pays for no more/],
    ['charge', { job: 'one', steps: { all: -1 } }, /pays for no more/],
    ['charge', { job: 'one', steps: { all: 0.5 } }, /pays for no more/],
    ['charge', { job: 'one', steps: { other: 1 } }, /no such steps/],
    ['charge', { job: 'two', steps: { all: 1 } }, /unknown in scope/],
    ['settle', { job: 'one', steps: { all: 1 }, costs: { people: [1] } }, /pays for no more/],
    ['settle', { job: 'one', steps: {}, costs: { people: [-1] } }, /whole numbers/],
    ['settle', { job: 'one', steps: {}, costs: { people: [NaN] } }, /whole numbers/],
    ['settle', { job: 'one', steps: {}, costs: { people: [0.5] } }, /whole numbers/],
    ['settle', { job: 'one', steps: {}, costs: { people: [125_000_001] } }, /dearer than reserved/],
    ['settle', { job: 'one', steps: {}, costs: {} }, /must name people/],
    ['open', zcdp, /open already/],
    ['gift', {}, /no entry of a ledger/],
  ])('G31 %s of %j is refused and changes nothing', (type, payload, message) => {
    const { state, say } = begun();
    const before = structuredClone(state);
    expect(() => say(type, payload)).toThrow(message);
    expect(state).toEqual(before);
  });

  test('a reservation that is named twice, too dear or not approved is refused', () => {
    const { say, asked } = begun();
    expect(() => say('reserve', asked)).toThrow(/reserved already/);
    expect(() => say('reserve', { ...asked, job: 'two', costs: { people: [400_000_000] } })).toThrow(
      /does not have/,
    );
    expect(() => say('reserve', { ...asked, job: 'two', approvalsNeeded: 1 })).toThrow(
      /needs 1 by trusted keys/,
    );
    say('close', { reason: 'done' });
    expect(() => say('reserve', { ...asked, job: 'two' })).toThrow(/is closed/);
  });

  test('charges stay', () => {
    const { say } = begun();
    say('charge', { job: 'one', steps: { all: 40 } });
    expect(() => say('charge', { job: 'one', steps: { all: 39 } })).toThrow(/a charge stays/);
    expect(() => say('charge', { job: 'one', steps: {} })).toThrow(/a charge stays/);
  });
});
