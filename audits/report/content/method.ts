import { epsilonByRenyi, epsilonCurve, epsilonOf, type Plan } from '../../../privacy/index.ts';
import { costOf, isPrivate, type Evidence } from '../evidence.ts';
import { isGiven, missing } from '../schema-node.ts';
import type { Accounting, Mechanism } from '../schema-method.ts';
import { assumptionsOf } from './assumptions.ts';
import { supported } from './claim.ts';
import { mechanismWords } from './mechanism-words.ts';

const methods: Readonly<Record<Plan['accountant']['method'], string>> = {
  'closed-form': 'closed form',
  contour: 'privacy loss distribution from its characteristic function, bounded from both sides',
  pld: 'privacy loss distribution on a grid, bounded from both sides',
  rdp: 'Renyi differential privacy, minimised over orders',
  zcdp: 'zero-concentrated differential privacy',
  'monte-carlo': 'Monte Carlo',
  trivial: 'no computation needed',
};

export function mechanismOf({ plan, job, stepsCharged }: Evidence): Mechanism {
  const { privacy, training } = plan;
  const { nonPrivate, seeded } = job;
  const none = missing('trained without clipping and noise');
  const words = mechanismWords(privacy);
  return {
    name: nonPrivate ? 'Stochastic gradient descent without clipping and noise' : words.name,
    version: privacy.mechanism,
    planHash: privacy.hash,
    sampler: nonPrivate ? 'Shuffled epochs cut into batches.' : words.sampler,
    noise: nonPrivate ? 'None.' : words.noise,
    normalisation: 'The sum is divided by the expected batch, a public constant of the plan.',
    randomness: {
      source: nonPrivate || seeded ? 'a seed' : "the operating system's generator, expanded with AES-256-CTR",
      secure: isPrivate(job),
    },
    phases: privacy.phases.map((phase, index) => {
      const { method, optimizer, learningRate } = training[index]!;
      const { clipping } = phase;
      return {
        name: phase.name,
        method,
        samplingRate: phase.samplingRate,
        bands: phase.strategy?.length ?? 1,
        expectedBatch: phase.expectedBatch,
        divisor: phase.divisor,
        steps: phase.steps,
        stepsCharged: isGiven(stepsCharged) ? (stepsCharged[phase.name] ?? 0) : stepsCharged,
        clippingKind: clipping.kind,
        clippingNorm: clipping.norm,
        clippingGamma:
          clipping.kind === 'automatic' ? clipping.gamma : missing('belongs to automatic clipping'),
        clipThreshold: phase.clipThreshold,
        noiseMultiplier: nonPrivate ? none : phase.noiseMultiplier,
        noiseStandardDeviation: nonPrivate ? none : phase.noiseStandardDeviation,
        latticeSpacing: nonPrivate ? none : phase.latticeSpacing,
        optimizer: optimizer.kind,
        learningRate,
      };
    }),
    precision: 'Gradients and norms in float32; norms err on the high side; noise in float64.',
    microBatches:
      'Nothing: a unit is clipped alone, and noise is drawn once a step, whatever the micro-batches.',
  };
}

export function accountingOf(evidence: Evidence): Accounting {
  const { privacy } = evidence.plan;
  const { event, delta, relation, epsilon } = costOf(evidence.plan);
  const answer = evidence.plan.search ? epsilonOf(event, { delta, relation }) : privacy.accountant;
  return {
    method: methods[answer.method],
    version: answer.version,
    direction: answer.direction,
    digest: answer.digest,
    crossCheck:
      answer.method === 'rdp'
        ? missing(
            'no loss distribution is known for this mechanism: the bound rests on Renyi divergences alone',
          )
        : {
            method: 'Renyi differential privacy, minimised over orders',
            epsilon: epsilonByRenyi(event, { delta, relation }),
          },
    curve: evidence.plan.search
      ? missing('the cost of a search over settings does not grow step by step')
      : supported(() => curveOf(privacy)),
    assumptions: assumptionsOf(evidence),
  };

  function curveOf({ phases }: Plan): { step: number; epsilon: number }[] {
    const total = phases.reduce((sum, { steps }) => sum + steps, 0);
    const shares = [0, 0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
    let before = 0;
    const ends = phases.map(({ steps }) => (before += steps));
    const steps = [...new Set([...shares.map((share) => Math.round(share * total)), ...ends])].sort(
      (a, b) => a - b,
    );
    return epsilonCurve(event, steps, { delta, relation }).map(({ step, epsilon: at }) => ({
      step,
      epsilon: Math.min(at.upper, epsilon),
    }));
  }
}
