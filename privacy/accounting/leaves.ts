import { UnsupportedEventError } from '../errors.ts';
import { leastAllocationNoise } from './allocation.ts';
import type { DpEvent, Relation } from './events.ts';
import { isNoiseless, leastSampledNoise } from './noise-limits.ts';
import type { Side } from './profile.ts';
import { treeSensitivityReached, treeSensitivitySquared } from './tree.ts';

/** A mechanism that is not itself a composition, and how often it runs. */
export type Leaf = { readonly event: DpEvent; readonly count: number };

/** @throws UnsupportedEventError where a selection by rank may change in more than one unit */
export function checkSelection(relation: Relation): void {
  if (relation === 'add-or-remove-one') return;
  throw new UnsupportedEventError(
    `relation=${relation}: a selection by rank may change in more than one unit under it. Ask under add-or-remove-one.`,
  );
}

/**
 * The mechanisms of an event tree in a normal form: compositions are flattened, Gaussians merged into one (noise
 * multipliers add as inverse squares), equal ones counted together, no-ops dropped, and the rest sorted. Trees that say
 * the same therefore get the same answer, to the bit.
 * @param side - 'lower': mechanisms that show at most what some mechanism of the event's kind shows on some data
 */
export function leavesOf(event: DpEvent, relation: Relation, side: Side = 'upper'): Leaf[] {
  const isUpper = side === 'upper';
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
        const sensitivity = isUpper ? treeSensitivitySquared : treeSensitivityReached;
        const squared = sensitivity(steps, maxParticipations, minSeparation);
        inverseVariance += (count * squared) / (part.noiseMultiplier * part.noiseMultiplier);
        return;
      }
      case 'truncated-poisson-sampled':
        visitTruncated(part, count);
        return;
      case 'ranked-selection':
        visitSelection(part.event, count);
        return;
      case 'random-allocation':
        visitAllocation(part.steps, part.selected, gaussianNoise(part.kind, part.event), count);
        return;
      case 'balls-in-bins':
        // The unit is in the same batch of every epoch: together they are one Gaussian step with less noise.
        visitAllocation(part.bins, 1, gaussianNoise(part.kind, part.event) / Math.sqrt(part.epochs), count);
        return;
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
    if (rate === 0 || count === 0) return;
    if (rate === 1) {
      visit(inner, count);
      return;
    }
    const leaves = leavesOf(inner, relation, side);
    if (leaves.length === 0) return;
    const [only] = leaves;
    if (leaves.length > 1 || !only || only.count !== 1) {
      throw new UnsupportedEventError(
        'event=poisson-sampled of a composition: amplification is known here for one mechanism or for Gaussians ' +
          'only. Sample each mechanism by itself.',
      );
    }
    if (isNoiseless(only.event)) {
      if (isUpper) visit(only.event, count);
      else {
        const noisier = { ...only.event, noiseMultiplier: leastSampledNoise } as DpEvent;
        keep({ kind: 'poisson-sampled', rate, event: noisier }, count);
      }
    } else keep({ kind: 'poisson-sampled', rate, event: only.event }, count);
  };
  const visitSelection = (inner: DpEvent, count: number): void => {
    checkSelection(relation);
    for (const { event: leaf, count: times } of leavesOf(inner, 'replace-one', side)) {
      // Twice the sensitivity: a Gaussian like any other, with half the noise.
      if (leaf.kind === 'gaussian')
        visit({ ...leaf, noiseMultiplier: leaf.noiseMultiplier / 2 }, count * times);
      else keep({ kind: 'ranked-selection', event: leaf }, count * times);
    }
  };
  /** The noise of an event that is Gaussian altogether; Infinity for one that releases nothing. */
  const gaussianNoise = (kind: string, inner: DpEvent): number => {
    const [only, ...others] = leavesOf(inner, relation, side);
    if (!only) return Infinity;
    if (others.length === 0 && only.event.kind === 'gaussian' && only.count === 1) {
      return only.event.noiseMultiplier;
    }
    throw new UnsupportedEventError(
      `event=${kind} of ${inner.kind}: known here for gaussian only. Account for the steps without the sampling.`,
    );
  };
  const visitTruncated = (
    part: Extract<DpEvent, { kind: 'truncated-poisson-sampled' }>,
    count: number,
  ): void => {
    const noise = gaussianNoise(part.kind, part.event);
    if (part.rate === 0 || noise === Infinity) return;
    if (noise < leastSampledNoise && isUpper) {
      // Unsampled; a unit that is added may displace another one.
      visit(
        { kind: 'gaussian', noiseMultiplier: relation === 'add-or-remove-one' ? noise / 2 : noise },
        count,
      );
      return;
    }
    keep(
      { ...part, event: { kind: 'gaussian', noiseMultiplier: Math.max(noise, leastSampledNoise) } },
      count,
    );
  };
  /**
   * k of t steps: as k allocations of one of floor(t / k) steps each, given a random partition of the steps, which does
   * not depend on the data (Feldman and Shenfeld, arXiv:2502.08202). From below: the sum of all steps, one Gaussian.
   */
  const visitAllocation = (steps: number, selected: number, noise: number, count: number): void => {
    if (noise === Infinity) return;
    if (selected === steps || (noise < leastAllocationNoise && isUpper)) {
      visit({ kind: 'gaussian', noiseMultiplier: noise }, count * selected);
    } else if (selected > 1 && !isUpper) {
      visit({ kind: 'gaussian', noiseMultiplier: (noise * Math.sqrt(steps)) / selected }, count);
    } else {
      const step = { kind: 'gaussian', noiseMultiplier: Math.max(noise, leastAllocationNoise) } as const;
      const choices = Math.floor(steps / selected);
      if (choices === 1) visit(step, count * selected);
      else keep({ kind: 'random-allocation', steps: choices, selected: 1, event: step }, count * selected);
    }
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
