import { calibrate } from '../accounting/index.ts';
import type { Relation } from '../accounting/index.ts';
import { InvalidParameterError } from '../errors.ts';
import type { DeclaredRead } from '../mechanism/reads.ts';
import { numberWithin } from './fields.ts';
import type { AccountedPhase } from './phase.ts';
import { eventOf } from './plan.ts';

/** How a phase's noise relates to the other phases'. */
export interface NoiseWeight {
  /** This phase's noise multiplier relative to the others' (default 1). */
  readonly noiseScale?: number;
  /**
   * Instead of `noiseScale`, for all phases or none and with a target epsilon only: the share of the budget that the phase
   * is to spend, relative to the others', measured by mu^2 of Gaussian differential privacy.
   */
  readonly share?: number;
}

type NoiselessPhase = NoiseWeight & Omit<AccountedPhase, 'noiseMultiplier'>;

interface Budget {
  readonly epsilon: number;
  readonly delta: number;
  readonly relation: Relation;
}

/**
 * Noise multipliers by phase, all in the asked relation and as small as the target allows: the composition of the phases
 * and charged reads costs at most `epsilon` (certified), and within 0.1 % of it (G22).
 */
export function calibratedNoise(
  phases: readonly NoiselessPhase[],
  reads: readonly DeclaredRead[],
  budget: Budget,
): number[] {
  const scales = phases.some((phase) => phase.share !== undefined)
    ? scalesOfShares(phases, budget)
    : noiseScalesOf(phases);
  const withNoise = (noise: number) =>
    phases.map((phase, i) => ({ ...phase, noiseMultiplier: shortened(noise * scales[i]!) }));
  const { epsilon, delta, relation } = budget;
  const { value } = calibrate((noise) => eventOf(withNoise(noise), reads), {
    target: { epsilon, delta },
    relation,
  });
  return withNoise(value).map((phase) => phase.noiseMultiplier);
}

/** The noise scales as given, the smallest set to 1. */
export function noiseScalesOf(phases: readonly NoiseWeight[]): number[] {
  const scales = phases.map(({ noiseScale = 1, share }) => {
    if (share !== undefined) {
      throw new InvalidParameterError(
        `share=${share}: shares need a target epsilon and no noiseScale. Give noiseScale to every phase instead.`,
      );
    }
    return numberWithin('noiseScale', noiseScale, 0, 1e6, 'It is relative to the other phases.');
  });
  return smallestOne(scales);
}

/**
 * Noise scales under which each phase has about its share of the target's mu^2. The target's mu is that of the Gaussian
 * mechanism of the same epsilon and delta, and squares of mu add up under composition (Dong, Roth and Su,
 * arXiv:1905.02383, Corollary 3.3); a phase has mu^2 = q^2 T (exp(1/sigma^2) - 1) in the limit of many steps (Bu, Dong, Long
 * and Su, arXiv:1911.11607, central limit theorem of noisy SGD). The limit fixes the proportions of the phases only, never the guarantee:
 * the common factor is calibrated afterwards with the certified accountant.
 */
function scalesOfShares(phases: readonly NoiselessPhase[], { epsilon, delta, relation }: Budget): number[] {
  const shares = phases.map(({ share, noiseScale }) => {
    if (noiseScale !== undefined) {
      throw new InvalidParameterError(
        `noiseScale=${noiseScale}: cannot be given along with shares. Leave one out.`,
      );
    }
    return numberWithin('share', share, 0, 1e6, 'Give a share to every phase or to none.');
  });
  const total = shares.reduce((sum, share) => sum + share, 0);
  const target = { epsilon, delta };
  const gaussian = calibrate((noiseMultiplier) => ({ kind: 'gaussian', noiseMultiplier }), {
    target,
    relation,
  });
  return smallestOne(
    phases.map(({ samplingRate, steps, strategy }, i) => {
      const square = shares[i]! / total / gaussian.value ** 2;
      const participations = Math.ceil(steps / (strategy?.length ?? 1));
      return 1 / Math.sqrt(Math.log1p(square / (samplingRate ** 2 * participations)));
    }),
  );
}

function smallestOne(scales: readonly number[]): number[] {
  const least = Math.min(...scales);
  return scales.map((scale) => scale / least);
}

/** To seven significant digits, so that plans and reports print all of it; calibration sees the shortened number. */
function shortened(x: number): number {
  return Number(x.toPrecision(7));
}
