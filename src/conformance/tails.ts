/**
 * Upper bounds on tail probabilities that hold for every sample size: a test that rejects where such a bound is below its
 * level raises a false alarm with at most that probability, with no approximation that could fail in the far tails.
 * All are Chernoff bounds (Boucheron, Lugosi and Massart, Concentration Inequalities, 2013, section 2.2) but the last.
 */

/** P(a sum of squares of `freedom` standard normals is as far from its mean as `sum` on its side): exp(-(x - k - k ln(x/k)) / 2). */
export function chiSquareTail(sum: number, freedom: number): number {
  if (freedom === 0) return 1;
  if (!(sum > 0)) return 0;
  return Math.exp(-(sum - freedom - freedom * Math.log(sum / freedom)) / 2);
}

/** P(Binomial(trials, rate) is as far from its mean as `count` on its side): exp(-n KL(k/n || p)). */
export function binomialTail(count: number, trials: number, rate: number): number {
  if (trials === 0) return 1;
  const share = count / trials;
  return Math.exp(-trials * (divergence(share, rate) + divergence(1 - share, 1 - rate)));
}

/** One term of the Kullback-Leibler divergence; 0 ln 0 is 0. */
function divergence(a: number, b: number): number {
  return a === 0 ? 0 : a * Math.log(a / b);
}

/** P(the largest distance of an empirical distribution function from the true one >= `distance`): Massart 1990. */
export function kolmogorovTail(distance: number, size: number): number {
  return Math.min(1, 2 * Math.exp(-2 * size * distance * distance));
}

/**
 * Probability that Binomial(trials, rate) lies from `low` to `high`, relative error about 1e-12: terms by their ratios from
 * the mode, over their sum.
 */
export function binomialWithin(trials: number, rate: number, low: number, high: number): number {
  if (rate >= 1) return low <= trials && trials <= high ? 1 : 0;
  const mode = Math.min(trials, Math.floor((trials + 1) * rate));
  const odds = rate / (1 - rate);
  let [inside, all] = [0, 0];
  const add = (count: number, weight: number): void => {
    all += weight;
    if (count >= low && count <= high) inside += weight;
  };
  for (let count = mode, weight = 1; count <= trials && weight > 1e-18; count++) {
    add(count, weight);
    weight *= ((trials - count) / (count + 1)) * odds;
  }
  for (
    let count = mode - 1, weight = mode / ((trials - mode + 1) * odds);
    count >= 0 && weight > 1e-18;
    count--
  ) {
    add(count, weight);
    weight *= count / ((trials - count + 1) * odds);
  }
  return inside / all;
}
