/**
 * Log moment of the Poisson-sampled Gaussian at a real order, by the trapezoidal rule:
 *   log A(a) = log E_{x ~ N(0, s^2)} [((1 - q) + q exp((2x - 1) / 2s^2))^a],   RDP(a) = log A(a) / (a - 1)
 * The integrand is analytic in |Im x| < pi s^2, so the rule converges geometrically in the step; a series would not
 * converge for large q and small s.
 *
 * @param rate - sampling rate q, 0 < q <= 1
 * @param noiseMultiplier - s, noise scale / sensitivity, > 0
 * @param order - a > 1
 * @returns nats
 * Neighbouring: add or remove one (both directions, Mironov et al. arXiv:1908.10530, Theorem 5), zero out.
 */
export function logMoment(rate: number, noiseMultiplier: number, order: number): number {
  const variance = noiseMultiplier * noiseMultiplier;
  if (rate === 1) return (order * (order - 1)) / (2 * variance);
  const step = Math.min(noiseMultiplier / 3, variance / 3);
  const logRate = Math.log(rate);
  const logRest = Math.log1p(-rate);
  const low = -12 * noiseMultiplier - 1;
  const high = order + 12 * noiseMultiplier;
  const points = Math.min(Math.ceil((high - low) / step), 200_000);
  if (points === 200_000) return Infinity;
  const width = (high - low) / points;
  const terms = new Float64Array(points + 1);
  let largest = -Infinity;
  for (let k = 0; k <= points; k++) {
    const x = low + k * width;
    const loss = logAdd(logRest, logRate + (2 * x - 1) / (2 * variance));
    const term = order * loss - (x * x) / (2 * variance);
    terms[k] = term;
    largest = Math.max(largest, term);
  }
  let sum = 0;
  for (const term of terms) sum += Math.exp(term - largest);
  return largest + Math.log((sum * width) / (noiseMultiplier * Math.sqrt(2 * Math.PI)));
}

/**
 * (epsilon, delta) from a Renyi divergence bound at one order.
 * Reference: Canonne, Kamath, Steinke, arXiv:2004.00010v4, Proposition 12; Asoodeh et al., arXiv:2008.06529, Lemma 1.
 */
export function epsilonFromRdp(order: number, rdp: number, delta: number): number {
  return Math.max(0, rdp + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1));
}

/** Least value of `f` over orders above 1: golden section in log(order - 1), after a scan for the bracket. */
export function minimiseOverOrders(f: (order: number) => number): { order: number; value: number } {
  const at = (t: number): number => f(1 + Math.exp(t));
  let best = 0;
  let bestValue = Infinity;
  for (let t = -8; t <= 10; t += 0.5) {
    const value = at(t);
    if (value < bestValue) {
      bestValue = value;
      best = t;
    }
  }
  const golden = (Math.sqrt(5) - 1) / 2;
  let low = best - 0.5;
  let high = best + 0.5;
  for (let k = 0; k < 24; k++) {
    const a = high - golden * (high - low);
    const b = low + golden * (high - low);
    if (at(a) < at(b)) high = b;
    else low = a;
  }
  const t = (low + high) / 2;
  const value = at(t);
  return value < bestValue
    ? { order: 1 + Math.exp(t), value }
    : { order: 1 + Math.exp(best), value: bestValue };
}

/** log(exp(a) + exp(b)). */
function logAdd(a: number, b: number): number {
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}
