import type { DpEvent } from './events.ts';

/**
 * Noise so small that sampling makes no useful difference: one participation costs epsilon 1250 or more. Such steps are
 * bounded without their sampling (which only lowers every divergence: they are jointly convex), and from below with
 * this much noise (adding noise shows less).
 */
export const leastSampledNoise = 0.02;

export function isNoiseless(event: DpEvent): boolean {
  return (event.kind === 'gaussian' || event.kind === 'laplace') && event.noiseMultiplier < leastSampledNoise;
}
