/**
 * Two mistakes that were found in published code, put into this trainer and certified by audits of a small job: batches from
 * shuffled epochs accounted as Poisson samples (Annamalai et al., arXiv:2411.10614), and sums divided by the size of the batch
 * at hand (opacus issue 571). The bound must exceed the claimed epsilon with the mistake, and must not without it.
 *
 *     npx tsx bench/famous-bugs.ts [runs of the job in each world]
 */
import { auditTwoWorlds, designHash, type AuditDesign } from '../audits/index.ts';
import { inCage } from '../test/mutations/cage.ts';
import type * as subject from '../test/mutations/opposites.ts';
import type { Opposites, Sight } from '../test/mutations/opposites.ts';
import { zoo, type Edit } from '../test/mutations/zoo.ts';

/** Runs of the job in each world. */
const trials = Number(process.argv[2] ?? 2000);
/** How far the canary moves a batch of the expected size, in clipping norms: it is there, and one of its opposites is not. */
const shift = 2;

interface Bug {
  readonly mutation: string;
  readonly job: Opposites;
  /** Of one run, from its steps' scores. */
  readonly score: (steps: Float64Array, job: Opposites) => number;
  /** Fixed before any score is seen. */
  readonly method: 'clopper-pearson' | 'gaussian';
  readonly thresholds: readonly number[];
}

const bugs: readonly Bug[] = [
  {
    // With shuffled epochs the canary is in one batch of each; a Poisson sampler may leave it out.
    mutation: 'shuffle for Poisson',
    job: { units: 400, batch: 20, steps: 40, noiseMultiplier: 0.8, delta: 1e-3 },
    score: oncePerEpoch,
    method: 'clopper-pearson',
    thresholds: [3, 4.3],
  },
  {
    // Every unit in each batch: what is released is Gaussian, and so is what is claimed. A mean hides the batch's size but
    // not that one of its parts points the other way.
    mutation: 'divide by the realised batch',
    job: { units: 200, batch: 200, steps: 4, noiseMultiplier: 4, delta: 1e-3 },
    score: (steps, { noiseMultiplier }) =>
      steps.reduce((sum, score) => sum + score, 0) / (noiseMultiplier * Math.sqrt(steps.length)),
    method: 'gaussian',
    thresholds: [0.5],
  },
];

/** Log-likelihood ratio of a canary that is in one step of each epoch. */
function oncePerEpoch(steps: Float64Array, { units, batch, noiseMultiplier }: Opposites): number {
  const inEpoch = units / batch;
  let total = 0;
  for (let start = 0; start < steps.length; start += inEpoch) {
    let sum = 0;
    for (const score of steps.subarray(start, start + inEpoch)) {
      sum += Math.exp((shift * score - shift ** 2 / 2) / noiseMultiplier ** 2);
    }
    total += Math.log(sum / inEpoch);
  }
  return total;
}

/** Scores of all runs in both worlds: without the canary, and with it. */
async function watched(edits: readonly Edit[], job: Opposites): Promise<Sight[]> {
  const worlds: Sight[] = [];
  for (const hasCanary of [false, true]) {
    worlds.push(
      await inCage(edits, async (addressOf) => {
        const mutant = (await import(addressOf('test/mutations/opposites.ts'))) as typeof subject;
        return mutant.watchOpposites(job, hasCanary, trials);
      }),
    );
  }
  return worlds;
}

const table = [];
for (const { mutation, job, score, method, thresholds } of bugs) {
  const design: AuditDesign = {
    candidates: thresholds.map((at) => ({ score: 'likelihood', sign: 1, rule: { kind: 'threshold', at } })),
    methods: [method],
    selection: 'all',
    delta: job.delta,
    confidence: 0.999,
  };
  console.log(`${mutation}: ${JSON.stringify(job)}, design ${designHash(design).slice(0, 16)}`);
  for (const hasMistake of [true, false]) {
    const started = performance.now();
    const edits = hasMistake ? zoo.find(({ name }) => name === mutation)!.edits : [];
    const worlds = await watched(edits, job);
    const likelihood = worlds.flatMap(({ scores }) =>
      Array.from({ length: trials }, (_, i) =>
        score(scores.subarray(i * job.steps, (i + 1) * job.steps), job),
      ),
    );
    const members = likelihood.map((_, i) => i >= trials);
    const { bounds } = auditTwoWorlds({ scores: { likelihood }, members }, design);
    const [claimed, certified] = [worlds[0]!.epsilon, bounds[0]!.epsilonLower];
    table.push({
      sources: hasMistake ? mutation : 'as they are',
      bound: method,
      'claimed epsilon': claimed.toFixed(2),
      'epsilon at least': certified.toFixed(2),
      verdict: certified > claimed ? 'violation' : 'none found',
      seconds: Math.round((performance.now() - started) / 1000),
    });
  }
}
console.log(`${trials} runs in each world, confidence 0.999`);
console.table(table);
const wrong = table.filter(
  ({ sources, verdict }) => (sources === 'as they are') === (verdict === 'violation'),
);
if (wrong.length > 0) process.exitCode = 1;
