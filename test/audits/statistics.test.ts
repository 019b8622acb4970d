import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { incompleteBeta, lowerRate, upperRate } from '../../audits/statistics/binomial.ts';
import { epsilonOfMu, normalQuantile } from '../../audits/statistics/normal.ts';
import {
  auditOneRun,
  auditTwoWorlds,
  clopperPearsonBound,
  credibleInterval,
  exposure,
  gaussianFamily,
  oneRunLeakage,
  logitOfLoss,
  offlineLira,
  onlineLira,
  oneRunBound,
  oneRunPValue,
  refutesTradeOff,
  rmia,
  rocOf,
  truePositiveRate,
  type Guesses,
  type Level,
} from '../../audits/statistics/index.ts';

type Row = readonly number[];
interface Pin {
  readonly shift: number;
  readonly thresholds: Row;
  readonly candidates: number;
  readonly oneRun: number;
  readonly oneRunFdp: number;
  readonly gaussian: number;
  readonly clopperPearson: number;
}
interface Golden {
  readonly incompleteBeta: readonly Row[];
  readonly upperRates: readonly Row[];
  readonly pValues: readonly Row[];
  readonly quantiles: readonly Row[];
  readonly pins: { readonly n: number; readonly rows: readonly Pin[] };
  readonly singleBounds: readonly Record<'m' | 'r' | 'v' | 'delta' | 'oneRun' | 'oneRunFdp', number>[];
  readonly credible: readonly (Record<'tp' | 'tn' | 'fp' | 'fn' | 'delta' | 'alpha', number> & {
    interval: Row;
  })[];
  readonly roc: { scores: Row; members: number; auc: number; tpr: Record<string, number> };
  readonly membership: {
    losses: Row[];
    logits: Row[];
    trained: boolean[][];
    target: Row;
    online: Row;
    offline: Row;
    population: Row[];
    a: number;
    gamma: number;
    rmia: Row;
  };
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/audits/statistics.json', import.meta.url), 'utf8'),
) as Golden;

describe('special functions agree with scipy', () => {
  test('regularised incomplete beta', () => {
    for (const [x, a, b, expected] of golden.incompleteBeta) {
      expect(incompleteBeta(x!, a!, b!) / expected!, `I_${x}(${a}, ${b})`).toBeCloseTo(1, 11);
    }
  });

  test('Clopper-Pearson limits', () => {
    for (const [k, n, alpha, expected] of golden.upperRates) {
      expect(upperRate(k!, n!, alpha!), `${k} of ${n} at ${alpha}`).toBeCloseTo(expected!, 12);
      expect(lowerRate(n! - k!, n!, alpha!)).toBeCloseTo(1 - expected!, 12);
    }
  });

  test('normal quantiles', () => {
    for (const [p, expected] of golden.quantiles) expect(normalQuantile(p!)).toBeCloseTo(expected!, 11);
  });
});

describe('one training run', () => {
  test('p-values equal theorem 5.2 summed term by term', () => {
    for (const [m, r, v, epsilon, delta, expected] of golden.pValues) {
      const p = oneRunPValue({ m: m!, r: r!, v: v! }, epsilon!, delta!);
      expect(Math.abs(p - expected!), `${m} ${r} ${v} ${epsilon} ${delta}`).toBeLessThan(
        1e-11 * expected! + 1e-300,
      );
    }
  });

  test("bounds equal jax_privacy's at the same counts", () => {
    for (const { m, r, v, delta, oneRun, oneRunFdp } of golden.singleBounds) {
      const level = { delta, significance: 0.05 };
      expect(oneRunBound({ m, r, v }, level)).toBeCloseTo(oneRun, 5);
      expect(gaussianBound({ m, r, v }, level)).toBeCloseTo(oneRunFdp, 5);
    }
  });

  test('no attack certifies more than q^r = significance', () => {
    const level = { delta: 0, significance: 0.05 };
    for (const r of [5, 100, 1000]) {
      const q = 0.05 ** (1 / r);
      expect(oneRunBound({ m: 1000, r, v: r }, level)).toBeCloseTo(Math.log(q / (1 - q)), 7);
    }
    expect(oneRunBound({ m: 1000, r: 4, v: 4 }, level)).toBe(0);
    expect(oneRunBound({ m: 1000, r: 100, v: 0 }, level)).toBe(0);
  });

  test('a large delta refutes nothing', () => {
    expect(oneRunBound({ m: 20_000, r: 20_000, v: 20_000 }, { delta: 1e-5, significance: 2.5e-6 })).toBe(0);
  });

  test('refuting a curve: that of a Gaussian at its own mu, and none at the curve that hides nothing', () => {
    const guesses = { m: 1000, r: 100, v: 90 };
    const level = { delta: 1e-5, significance: 0.05 };
    const bound = gaussianBound(guesses, level);
    const refutes = (mu: number) =>
      refutesTradeOff((x) => 1 - normalCdf(normalQuantile(1 - x) + mu), guesses, 0.05);
    expect(refutes(muAt(bound * 0.99))).toBe(true);
    expect(refutes(muAt(bound * 1.01))).toBe(false);
    expect(refutesTradeOff(() => 0, guesses, 0.05)).toBe(false);
  });
});

describe("the tables of jax_privacy's auditing tests, from the scores", () => {
  const { n, rows } = golden.pins;
  const out = Float64Array.from({ length: n }, (_, k) => normalQuantile((k + 0.5) / n));
  // The larger tables take seconds more: bench/audits.ts.
  test.each(rows.filter(({ shift }) => shift === 4))('shift $shift', (row) => {
    const inside = out.map((x) => x + row.shift);
    const canaries = {
      scores: { score: Float64Array.from([...inside, ...out]) },
      members: [...inside].map(() => true).concat([...out].map(() => false)),
    };
    // The thresholds are scores, as scipy rounded them: a little lower, they count what they count there.
    const candidates = [-1e9, ...row.thresholds.map((at) => at - 1e-9)].map((at) => ({
      score: 'score',
      sign: 1 as const,
      rule: { kind: 'threshold' as const, at },
    }));
    expect(candidates).toHaveLength(row.candidates);
    const design = { candidates, selection: 'all', delta: 1e-6, confidence: 0.95 } as const;
    const one = auditOneRun(canaries, { ...design, methods: ['one-run', 'one-run-f-dp'] });
    expect(one.bounds[0]!.epsilonLower).toBeCloseTo(row.oneRun, 5);
    expect(one.bounds[1]!.epsilonLower).toBeCloseTo(row.oneRunFdp, 5);
    const two = auditTwoWorlds(canaries, { ...design, methods: ['clopper-pearson', 'gaussian'] });
    expect(two.correction).toEqual({ kind: 'bonferroni', candidates: row.candidates });
    expect(two.bounds[0]!.epsilonLower).toBeCloseTo(row.clopperPearson, 5);
    expect(two.bounds[1]!.epsilonLower).toBeCloseTo(row.gaussian, 5);
  });
});

describe('independent trials', () => {
  test('Jagielski: 500 of 500 against none', () => {
    const counts = { positives: 500, falseNegatives: 0, negatives: 500, falsePositives: 0 };
    const level = { delta: 0, significance: 0.01 };
    // tensorflow/privacy research/audit_2020/audit_test.py.
    expect(clopperPearsonBound(counts, level)).toBeCloseTo(4.541915810224092, 10);
    expect(clopperPearsonBound(counts, level, 2)).toBeCloseTo(2.27095790511, 10);
  });

  test('credible intervals equal scipy, and the published example to its printed precision', () => {
    for (const { tp, tn, fp, fn, delta, alpha, interval } of golden.credible) {
      const counts = { positives: tp + fn, falseNegatives: fn, negatives: tn + fp, falsePositives: fp };
      const { lower, upper } = credibleInterval(counts, { delta, significance: alpha });
      expect(lower).toBeCloseTo(interval[0]!, 6);
      expect(upper).toBeCloseTo(interval[1]!, 6);
    }
    // README of privacy-estimates 0.1.0: 0.145 and 6.399, solved with a tolerance of 0.01.
    expect(Math.abs(golden.credible[0]!.interval[0]! - 0.145)).toBeLessThan(0.01);
    expect(Math.abs(golden.credible[0]!.interval[1]! - 6.399)).toBeLessThan(0.02);
  });
});

describe('scores', () => {
  test('exposure of a secret that three of sixteen references beat', () => {
    const references = Array.from({ length: 16 }, (_, k) => k + 1);
    // tensorflow/privacy secret_sharer/exposures_test.py.
    expect(exposure(3.5, references)).toBeCloseTo(2, 12);
    expect(exposure(0.5, references)).toBe(4);
    expect(exposure(99, references)).toBeCloseTo(4 - Math.log2(17), 12);
  });

  test('ROC with ties as in scikit-learn', () => {
    const { scores, members, auc, tpr } = golden.roc;
    const roc = rocOf({ scores, members: scores.map((_, k) => k < members) });
    expect(roc.auc).toBeCloseTo(auc, 12);
    for (const [rate, expected] of Object.entries(tpr)) {
      expect(truePositiveRate(roc, Number(rate))).toBeCloseTo(expected, 12);
    }
  });

  test('LiRA and RMIA as computed with scipy', () => {
    const {
      losses,
      logits,
      trained,
      target,
      online,
      offline,
      population,
      a,
      gamma,
      rmia: expected,
    } = golden.membership;
    const logit = target.map(logitOfLoss);
    expect(rounded(onlineLira(logit, logits, trained))).toEqual(rounded(online));
    expect(
      rounded(
        offlineLira(
          logit,
          logits,
          logits.map((row) => row.map(() => false)),
        ),
      ),
    ).toEqual(rounded(offline));
    expect(rounded(losses[0]!.map(logitOfLoss))).toEqual(rounded(logits[0]!));
    const records = { target: probability(target), outside: means(losses.map(probability)) };
    const others = { target: population[0]!, outside: means(population.slice(1)) };
    const scores = rmia(records, others, { offline: a, margin: gamma });
    expect(rounded(scores)).toEqual(rounded(expected));
  });
});

function gaussianBound(guesses: Guesses, { delta, significance }: Level): number {
  return gaussianFamily.epsilon(oneRunLeakage(gaussianFamily, guesses, significance), delta);
}

function muAt(epsilon: number): number {
  return bisect((mu) => epsilonOfMu(mu, 1e-5) < epsilon);
}

function probability(losses: Row): readonly number[] {
  return losses.map((loss) => Math.exp(-loss));
}

function means(rows: readonly Row[]): Row {
  return rows[0]!.map((_, k) => rows.reduce((sum, row) => sum + row[k]!, 0) / rows.length);
}

function rounded(values: ArrayLike<number>): readonly number[] {
  return Array.from(values, (value) => Number(value.toPrecision(10)));
}

function normalCdf(x: number): number {
  // Far from the code under test: bisection for the quantile.
  return bisect((p) => normalQuantile(p) < x, 1);
}

function bisect(below: (x: number) => boolean, limit = 100): number {
  let [low, high] = [0, limit];
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2;
    if (below(middle)) low = middle;
    else high = middle;
  }
  return low;
}
