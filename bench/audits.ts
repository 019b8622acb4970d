/**
 * Audits: the golden table (published pins, reproduced), the false-alarm table (how often each bound is above a claim that is
 * exactly true) and the power table (what each bound says of Gaussian mechanisms that are known).
 *
 *     npx tsx bench/audits.ts [golden alarms power] [--runs 1000]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  auditOneRun,
  auditTwoWorlds,
  credibleInterval,
  clopperPearsonBound,
  exposure,
  oneRunPower,
  type AuditDesign,
  type BoundMethod,
  type ScoredCanaries,
} from '../audits/index.ts';
import { normalQuantile } from '../audits/statistics/normal.ts';
import { epsilonOf, reproducibleRng, type ReproducibleRng } from '../privacy/index.ts';
import {
  extremesDesign,
  gaussianScores,
  halved,
  randomisedResponse,
  thresholdDesign,
} from '../test/support/audit-worlds.ts';

interface Pin {
  readonly shift: number;
  readonly thresholds: readonly number[];
  readonly oneRun: number;
  readonly oneRunFdp: number;
  readonly gaussian: number;
  readonly clopperPearson: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '1000' } },
});
const runs = Number(values.runs);
const confidence = 0.95;
const tables = { golden, alarms, power };
for (const [name, table] of Object.entries(tables)) {
  if (positionals.length === 0 || positionals.includes(name)) table();
}

function golden(): void {
  const path = new URL('../test/golden/audits/statistics.json', import.meta.url);
  const { pins } = JSON.parse(readFileSync(path, 'utf8')) as { pins: { n: number; rows: readonly Pin[] } };
  const rows: { what: string; reference: number; ours: number }[] = [];
  for (const { shift, thresholds, ...expected } of pins.rows) {
    const canaries = quantileScores(pins.n, shift);
    const design = (methods: readonly BoundMethod[]) =>
      // The thresholds are scores, as scipy rounded them: a little lower, they count what they count there.
      thresholdDesign([-1e9, ...thresholds.map((at) => at - 1e-9)], { delta: 1e-6, confidence, methods });
    const [one, fdp] = auditOneRun(canaries, design(['one-run', 'one-run-f-dp'])).bounds;
    const [any, gaussian] = auditTwoWorlds(canaries, design(['clopper-pearson', 'gaussian'])).bounds;
    const what = `shift ${shift}, jax_privacy`;
    rows.push(
      { what: `${what}, one run`, reference: expected.oneRun, ours: one!.epsilonLower },
      { what: `${what}, one run f-DP`, reference: expected.oneRunFdp, ours: fdp!.epsilonLower },
      { what: `${what}, Clopper-Pearson`, reference: expected.clopperPearson, ours: any!.epsilonLower },
      { what: `${what}, Gaussian`, reference: expected.gaussian, ours: gaussian!.epsilonLower },
    );
  }
  const level = { delta: 0, significance: 0.01 };
  const perfect = { positives: 500, falseNegatives: 0, negatives: 500, falsePositives: 0 };
  const credible = credibleInterval(
    { positives: 487, falseNegatives: 0, negatives: 513, falsePositives: 512 },
    { delta: 1e-5, significance: 0.1 },
  );
  rows.push(
    {
      what: 'Jagielski 2020, tensorflow/privacy',
      reference: 4.541915810224092,
      ours: clopperPearsonBound(perfect, level),
    },
    {
      what: 'Jagielski 2020, two copies',
      reference: 2.27095790511,
      ours: clopperPearsonBound(perfect, level, 2),
    },
    // 0.145 and 6.399 in the README of privacy-estimates, which solves to 0.01; here scipy to 1e-10.
    { what: 'Zanella-Beguelin 2022, lower', reference: 0.1438949575167987, ours: credible.lower },
    { what: 'Zanella-Beguelin 2022, upper', reference: 6.415595673602384, ours: credible.upper },
    {
      what: 'exposure, secret_sharer',
      reference: 2,
      ours: exposure(
        3.5,
        Array.from({ length: 16 }, (_, k) => k + 1),
      ),
    },
  );
  console.log('\nGolden values');
  console.table(
    rows.map((row) => ({ ...row, difference: Math.abs(row.ours - row.reference).toExponential(1) })),
  );
}

function quantileScores(n: number, shift: number): ScoredCanaries {
  const out = Array.from({ length: n }, (_, k) => normalQuantile((k + 0.5) / n));
  return {
    scores: { score: Float64Array.from([...out.map((x) => x + shift), ...out]) },
    members: Array.from({ length: 2 * n }, (_, k) => k < n),
  };
}

/** A null: scores of a mechanism whose epsilon at delta is exactly `epsilon`. */
interface Null {
  readonly bound: string;
  readonly epsilon: number;
  readonly scores: (rng: ReproducibleRng) => ScoredCanaries;
  readonly design: AuditDesign;
}

function alarms(): void {
  const nulls: Null[] = [];
  for (const epsilon of [0.5, 1, 2, 4]) {
    const delta = 1e-4;
    const level = { delta, confidence, methods: ['one-run'] } as const;
    const scores = (rng: ReproducibleRng) => halved(randomisedResponse(200, epsilon, delta, rng));
    nulls.push(
      { bound: 'one run, one rule', epsilon, scores, design: extremesDesign([100], level) },
      {
        bound: 'one run, best of 4, corrected',
        epsilon,
        scores,
        design: extremesDesign([20, 50, 100, 200], level),
      },
      {
        bound: 'one run, held-out choice',
        epsilon,
        scores,
        design: extremesDesign([20, 50, 100], level, 'held-out'),
      },
    );
    const pure = { delta: 0, confidence, methods: ['clopper-pearson'] } as const;
    const trials = (rng: ReproducibleRng) => halved(randomisedResponse(1000, epsilon, 0, rng));
    nulls.push(
      { bound: 'Clopper-Pearson, one rule', epsilon, scores: trials, design: thresholdDesign([0], pure) },
      {
        bound: 'Clopper-Pearson, best of 5, corrected',
        epsilon,
        scores: trials,
        design: thresholdDesign([-1.5, -0.5, 0, 0.5, 1.5], pure),
      },
      {
        bound: 'credible (no confidence is claimed)',
        epsilon,
        scores: trials,
        design: thresholdDesign([0], { ...pure, methods: ['credible'] }),
      },
    );
  }
  for (const mu of [0.5, 1, 2]) {
    const delta = 1e-5;
    const epsilon = epsilonOfGaussian(mu, delta);
    nulls.push(
      {
        bound: `one run f-DP, Gaussian mu ${mu}`,
        epsilon,
        scores: (rng) => gaussianScores(200, mu, rng),
        design: extremesDesign([60], { delta, confidence, methods: ['one-run-f-dp'] }),
      },
      {
        bound: `Gaussian, mu ${mu}`,
        epsilon,
        scores: (rng) => gaussianScores(1000, mu, rng),
        design: thresholdDesign([mu / 2], { delta, confidence, methods: ['gaussian'] }),
      },
    );
  }
  console.log(
    `\nFalse alarms: bounds above a claim that is exactly true, of ${runs} runs each (nominal 5 %)`,
  );
  console.table(
    nulls.map(({ bound, epsilon, scores, design }) => {
      const rng = reproducibleRng(`${bound} ${epsilon}`);
      let found = 0;
      for (let run = 0; run < runs; run++) {
        const audit = design.methods[0]!.startsWith('one-run') ? auditOneRun : auditTwoWorlds;
        if (audit(scores(rng), design).bounds[0]!.epsilonLower > epsilon) found += 1;
      }
      return { bound, epsilon: epsilon.toFixed(3), 'false alarms': `${((100 * found) / runs).toFixed(1)} %` };
    }),
  );
}

function power(): void {
  const delta = 1e-5;
  console.log(
    `\nPower: mean bound of ${Math.ceil(runs / 50)} runs on Gaussian mechanisms of known epsilon, delta ${delta}`,
  );
  const rows = [1, 2, 4, 8].map((epsilon) => {
    const mu = muFor(epsilon, delta);
    const row: Record<string, string | number> = { 'true epsilon': epsilon };
    for (const n of [100, 500, 1000, 5000]) {
      const design = thresholdDesign([mu / 2], {
        delta,
        confidence,
        methods: ['gaussian', 'clopper-pearson'],
      });
      const bounds = mean((rng) => auditTwoWorlds(gaussianScores(2 * n, mu, rng), design).bounds);
      row[`${n} a world: Gaussian`] = bounds[0]!.toFixed(2);
      if (n === 5000) row['any mechanism'] = bounds[1]!.toFixed(2);
    }
    for (const [m, r] of [
      [1000, 200],
      [5000, 500],
    ] as const) {
      const design = extremesDesign([r], { delta, confidence, methods: ['one-run', 'one-run-f-dp'] });
      const bounds = mean((rng) => auditOneRun(gaussianScores(m, mu, rng), design).bounds);
      const planned = oneRunPower({ m, r }, epsilon, { delta, significance: 1 - confidence });
      row[`one run m ${m} r ${r}`] = `${bounds[0]!.toFixed(2)} (planned ${planned.epsilonLower.toFixed(2)})`;
      row[`f-DP m ${m}`] = `${bounds[1]!.toFixed(2)} (planned ${planned.gaussianEpsilonLower.toFixed(2)})`;
    }
    return row;
  });
  console.table(rows);
}

function mean(bounds: (rng: ReproducibleRng) => readonly { readonly epsilonLower: number }[]): number[] {
  const rng = reproducibleRng('power');
  const all = Array.from({ length: Math.ceil(runs / 50) }, () =>
    bounds(rng).map(({ epsilonLower }) => epsilonLower),
  );
  return all[0]!.map((_, k) => all.reduce((sum, row) => sum + row[k]!, 0) / all.length);
}

function epsilonOfGaussian(mu: number, delta: number): number {
  const gaussian = { kind: 'gaussian', noiseMultiplier: 1 / mu } as const;
  return epsilonOf(gaussian, { delta, relation: 'add-or-remove-one' }).epsilon.upper;
}

function muFor(epsilon: number, delta: number): number {
  let [low, high] = [0.01, 10];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (epsilonOfGaussian(middle, delta) < epsilon) low = middle;
    else high = middle;
  }
  return low;
}
