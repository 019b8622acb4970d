import type { Plan } from '../../../privacy/index.ts';

interface MechanismWords {
  readonly name: string;
  readonly sampler: string;
  readonly noise: string;
}

const independent: MechanismWords = {
  name: 'DP-SGD: clipped gradients with Gaussian noise',
  sampler:
    'Poisson: in each step each unit takes part with probability q, independently of all others. An empty batch is a step like any other.',
  noise:
    'Gaussian, drawn once a step in float64 and added to the whole clipped sum, which is then rounded to a lattice.',
};

/** Whether a phase has correlated noise. */
export function isCorrelated({ phases }: Pick<Plan, 'phases'>): boolean {
  return phases.some(({ strategy }) => strategy);
}

/** The mechanism of a private plan: its name, how units are chosen, and the noise. */
export function mechanismWords({ phases }: Pick<Plan, 'phases'>): MechanismWords {
  const correlated = phases.filter(({ strategy }) => strategy);
  if (correlated.length === 0) return independent;
  const words = {
    name: 'DP-FTRL by banded matrix factorisation: clipped gradients with correlated Gaussian noise (arXiv:2306.08153)',
    sampler:
      'Cyclic Poisson: a digest of its tokens puts each unit into one of as many subsets as there are bands. The subsets take turns, and in the turn of its subset a unit takes part with probability q, independently of all others. An empty batch is a step like any other.',
    noise: `Gaussian, drawn once a step in float64, less a part of the noise of ${correlated.map(({ name, strategy }) => `the ${strategy!.length - 1} steps before in phase ${name}`).join(', ')}, and added to the whole clipped sum, which is then rounded to a lattice. Together: independent noise of the stated multiplier times the inverse of the plan's banded matrix, whose columns have norm at most 1.`,
  };
  if (correlated.length === phases.length) return words;
  const names = correlated.map(({ name }) => name).join(', ');
  return {
    name: `${words.name} in phase ${names}; ${independent.name} in the others`,
    sampler: `Phase ${names}: ${words.sampler} Others: ${independent.sampler}`,
    noise: `Phase ${names}: ${words.noise} Others: ${independent.noise}`,
  };
}
