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
import { zoo, type Edit } from '../test/mutations/zoo.ts';

const trials = Number(process.argv[2] ?? 500);
const job: subject.Opposites = { units: 900, batch: 45, steps: 40, noiseMultiplier: 0.8, delta: 1e-3 };
const stepsInEpoch = job.units / job.batch;
/** How far the canary moves the sum, in clipping norms: it is there, and one of its opposites is not. */
const shift = 2;

/** Likelihood of a step's score with the canary in its batch, over that without. */
const ratio = (score: number): number =>
  Math.exp((shift * score - shift ** 2 / 2) / job.noiseMultiplier ** 2);

/** Once in each epoch, in any of its steps. */
function oncePerEpoch(scores: Float64Array): number {
  let total = 0;
  for (let start = 0; start < scores.length; start += stepsInEpoch) {
    const epoch = scores.subarray(start, start + stepsInEpoch);
    total += Math.log(epoch.reduce((sum, score) => sum + ratio(score), 0) / epoch.length);
  }
  return total;
}

/** In each step with the sampling rate, independently. */
function inAnyStep(scores: Float64Array): number {
  const rate = job.batch / job.units;
  return scores.reduce((sum, score) => sum + Math.log(1 - rate + rate * ratio(score)), 0);
}

const bugs = [
  { name: 'shuffle for Poisson', score: oncePerEpoch },
  { name: 'divide by the realised batch', score: inAnyStep },
] as const;

/** Fixed before any score is seen: two thresholds, both paid for. */
const design: AuditDesign = {
  candidates: [3, 4.5].map((at) => ({ score: 'likelihood', sign: 1, rule: { kind: 'threshold', at } })),
  methods: ['clopper-pearson'],
  selection: 'all',
  delta: job.delta,
  confidence: 0.999,
};

/** Scores of all runs in one world. */
function look(edits: readonly Edit[], hasCanary: boolean): Promise<subject.Sight> {
  return inCage(edits, async (addressOf) => {
    const { watchOpposites } = (await import(addressOf('test/mutations/opposites.ts'))) as typeof subject;
    return watchOpposites(job, hasCanary, trials);
  });
}

console.log(
  `job: ${JSON.stringify(job)}; ${trials} runs in each world; design ${designHash(design).slice(0, 16)}, fixed beforehand`,
);
/** Both worlds: without the canary, and with it. */
async function watched(edits: readonly Edit[]): Promise<subject.Sight[]> {
  return [await look(edits, false), await look(edits, true)];
}

function judge(worlds: readonly subject.Sight[], score: (run: Float64Array) => number) {
  const likelihood = worlds.flatMap(({ scores }) =>
    Array.from({ length: trials }, (_, i) => score(scores.subarray(i * job.steps, (i + 1) * job.steps))),
  );
  const members = likelihood.map((_, i) => i >= trials);
  const { bounds } = auditTwoWorlds({ scores: { likelihood }, members }, design);
  const [claimed, certified] = [worlds[0]!.epsilon, bounds[0]!.epsilonLower];
  return {
    'claimed epsilon': claimed.toFixed(2),
    'epsilon at least': certified.toFixed(2),
    verdict: certified > claimed ? 'violation' : 'none found',
  };
}

const table = [];
const clean = await watched([]);
for (const { name, score } of bugs) {
  const broken = await watched(zoo.find((mutation) => mutation.name === name)!.edits);
  table.push({ mistake: name, sources: 'with the mistake', ...judge(broken, score) });
  table.push({ mistake: name, sources: 'as they are', ...judge(clean, score) });
}
console.table(table);
const wrong = table.filter(
  ({ sources, verdict }) => (sources === 'as they are') === (verdict === 'violation'),
);
if (wrong.length > 0) process.exitCode = 1;
