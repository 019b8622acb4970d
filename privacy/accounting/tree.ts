/**
 * Bound of the squared L2 sensitivity of tree aggregation to one unit: the sum over nodes of (leaves of the unit below
 * the node)^2. With one participation it is exactly the number of levels. With more, a node of 2^l leaves holds at most
 * ceil(2^l / (minSeparation + 1)) participations, and as many nodes as possible being full is the worst case of a level.
 * (Kairouz et al., arXiv:2103.00039, appendix D, bounded level by level.)
 * @param steps - leaves
 * @param maxParticipations - of one unit
 * @param minSeparation - leaves strictly between two participations of a unit
 */
export function treeSensitivitySquared(
  steps: number,
  maxParticipations: number,
  minSeparation: number,
): number {
  let total = 0;
  const most = Math.min(maxParticipations, Math.ceil(steps / (minSeparation + 1)));
  for (let leaves = 1; leaves <= steps; leaves *= 2) {
    const full = Math.min(most, Math.ceil(leaves / (minSeparation + 1)));
    const nodes = Math.floor(most / full);
    const rest = most - nodes * full;
    total += nodes * full * full + rest * rest;
  }
  return total;
}

/** Participations beyond this many are not looked at from below. */
const mostLooked = 1e5;

/**
 * The squared sensitivity that a unit reaches which takes part as early and as often as it may, always with the same
 * gradient: a bound from below. Only whole nodes are counted.
 */
export function treeSensitivityReached(
  steps: number,
  maxParticipations: number,
  minSeparation: number,
): number {
  const period = minSeparation + 1;
  const participations = Math.min(maxParticipations, Math.ceil(steps / period), mostLooked);
  let total = 0;
  for (let leaves = 1; leaves <= steps; leaves *= 2) {
    let node = -1;
    let inNode = 0;
    for (let k = 0; k < participations; k++) {
      const next = Math.floor((k * period) / leaves);
      if ((next + 1) * leaves > steps) break;
      if (next !== node) {
        total += inNode * inNode;
        node = next;
        inNode = 0;
      }
      inNode++;
    }
    total += inNode * inNode;
  }
  return total;
}
