import { UnsupportedEventError } from '../errors.ts';
import type { DpEvent, Relation } from './events.ts';
import { treeSensitivitySquared } from './tree.ts';

/** A mechanism that is not itself a composition, and how often it runs. */
export type Leaf = { readonly event: DpEvent; readonly count: number };

/**
 * Noise so small that sampling makes no useful difference: one participation costs epsilon 1250 or more. Such steps are
 * bounded without their sampling (which only lowers every divergence: they are jointly convex).
 */
export function isNoiseless(event: DpEvent): boolean {
  return (event.kind === 'gaussian' || event.kind === 'laplace') && event.noiseMultiplier < 0.02;
}

/**
 * The mechanisms of an event tree in a normal form: compositions are flattened, Gaussians merged into one (noise
 * multipliers add as inverse squares), equal ones counted together, no-ops dropped, and the rest sorted. Trees that say
 * the same therefore get the same answer, to the bit.
 */
export function leavesOf(event: DpEvent, relation: Relation): Leaf[] {
  const counts = new Map<string, { event: DpEvent; count: number }>();
  let inverseVariance = 0;
  const visit = (part: DpEvent, count: number): void => {
    if (count === 0) return;
    switch (part.kind) {
      case 'no-op':
        return;
      case 'composed':
        for (const inner of part.events) visit(inner, count);
        return;
      case 'self-composed':
        if (part.count > 0) visit(part.event, count * part.count);
        return;
      case 'gaussian':
        inverseVariance += count / (part.noiseMultiplier * part.noiseMultiplier);
        return;
      case 'poisson-sampled':
        visitSampled(part.rate, part.event, count);
        return;
      case 'banded-matrix':
        visitBanded(part, count);
        return;
      case 'tree': {
        const { steps, maxParticipations = 1, minSeparation = 0 } = part;
        const squared = treeSensitivitySquared(steps, maxParticipations, minSeparation);
        inverseVariance += (count * squared) / (part.noiseMultiplier * part.noiseMultiplier);
        return;
      }
      default:
        keep(part, count);
    }
  };
  const keep = (part: DpEvent, count: number): void => {
    const key = JSON.stringify(part);
    const known = counts.get(key);
    if (known) known.count += count;
    else counts.set(key, { event: part, count });
  };
  const visitSampled = (rate: number, inner: DpEvent, count: number): void => {
    if (rate === 0) return;
    if (rate === 1) {
      visit(inner, count);
      return;
    }
    const leaves = leavesOf(inner, relation);
    if (leaves.length === 0) return;
    const [only] = leaves;
    if (leaves.length > 1 || !only || only.count !== 1) {
      throw new UnsupportedEventError(
        'event=poisson-sampled of a composition: amplification is known here for one mechanism or for Gaussians ' +
          'only. Sample each mechanism by itself.',
      );
    }
    if (isNoiseless(only.event)) visit(only.event, count);
    else keep({ kind: 'poisson-sampled', rate, event: only.event }, count);
  };
  /** Amplified BandMF (arXiv:2306.08153, theorem 4): as DP-SGD with ceil(iterations / bands) steps. */
  const visitBanded = (part: Extract<DpEvent, { kind: 'banded-matrix' }>, count: number): void => {
    const steps = Math.ceil(part.iterations / part.bands);
    const noiseMultiplier = part.noiseMultiplier / (part.columnNorm ?? 1);
    visitSampled(part.rate, { kind: 'gaussian', noiseMultiplier }, count * steps);
  };
  visit(event, 1);
  const leaves = [...counts.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, leaf]) => leaf);
  if (inverseVariance > 0) {
    leaves.unshift({
      event: { kind: 'gaussian', noiseMultiplier: 1 / Math.sqrt(inverseVariance) },
      count: 1,
    });
  }
  for (const { event: leaf, count } of leaves) {
    if (count > Number.MAX_SAFE_INTEGER) {
      throw new UnsupportedEventError(
        `count=${count}: more than 2^53 - 1 repetitions of ${leaf.kind}. Use fewer steps.`,
      );
    }
  }
  return leaves;
}
