/** How the next token is chosen; the order and meaning of the settings are those of transformers 5.23. */
export interface ChoiceSettings {
  /** Draws from the distribution; without it, the likeliest token is taken. */
  readonly sample: boolean;
  /** Logits are divided by it, > 0; for sampling alone. */
  readonly temperature: number;
  /** Only so many of the likeliest tokens are drawn from; 0 is all. */
  readonly topK: number;
  /** Only the likeliest tokens that together have this probability are drawn from; 1 is all. */
  readonly topP: number;
  /** Divides the positive logits, and multiplies the negative ones, of tokens that are there already; 1 is none. */
  readonly repetitionPenalty: number;
}

/** Changes `scores` [vocabulary] in place (Keskar et al., arXiv:1909.05858). */
export function penaliseRepetition(scores: Float32Array, tokens: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const token of new Set(tokens)) {
    const score = scores[token]!;
    scores[token] = score < 0 ? score * penalty : score / penalty;
  }
}

/** Indices of the largest scores, the largest first; of equal ones the first. */
export function largest(scores: Float32Array, count: number): number[] {
  const found: number[] = [];
  for (let token = 0; token < scores.length; token++) {
    const score = scores[token]!;
    if (found.length === count && score <= scores[found[count - 1]!]!) continue;
    let at = found.length;
    while (at > 0 && scores[found[at - 1]!]! < score) at--;
    found.splice(at, 0, token);
    if (found.length > count) found.pop();
  }
  return found;
}

/** Index of the largest score; of equal ones the first. */
export function likeliest(scores: Float32Array): number {
  let best = 0;
  for (let token = 1; token < scores.length; token++) if (scores[token]! > scores[best]!) best = token;
  return best;
}

/**
 * The probabilities that sampling draws from, [vocabulary]: temperature, then top-k, then top-p (the fewest of the likeliest
 * tokens whose probabilities add up to at least topP). Tokens as likely as the last that stays also stay.
 */
export function samplingDistribution(
  logits: Float32Array,
  { temperature, topK, topP }: Pick<ChoiceSettings, 'temperature' | 'topK' | 'topP'>,
): Float64Array {
  const scores = Float64Array.from(logits, (logit) => logit / temperature);
  const sorted = scores.toSorted().toReversed();
  const top = sorted[0]!;
  const count = topK > 0 ? Math.min(topK, sorted.length) : sorted.length;
  let least = sorted[count - 1]!;
  if (topP < 1) {
    const weights = sorted.filter((score) => score >= least).map((score) => Math.exp(score - top));
    const enough = topP * weights.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    const last = weights.findIndex((weight) => (sum += weight) >= enough);
    least = sorted[last < 0 ? weights.length - 1 : last]!;
  }
  const kept = scores.map((score) => (score >= least ? Math.exp(score - top) : 0));
  const total = kept.reduce((sum, weight) => sum + weight, 0);
  return kept.map((weight) => weight / total);
}

/** Draws an index; the probabilities add up to 1. */
export function draw(probabilities: Float64Array, rng: { uniform(): number }): number {
  let left = rng.uniform();
  let last = 0;
  for (const [token, probability] of probabilities.entries()) {
    if (probability === 0) continue;
    last = token;
    left -= probability;
    if (left < 0) return token;
  }
  return last;
}

/**
 * @param logits - of the next token, [vocabulary]; changed in place
 * @param tokens - the text so far, prompt included
 */
export function chooseToken(
  logits: Float32Array,
  tokens: readonly number[],
  settings: ChoiceSettings,
  rng: { uniform(): number },
): number {
  penaliseRepetition(logits, tokens, settings.repetitionPenalty);
  return settings.sample ? draw(samplingDistribution(logits, settings), rng) : likeliest(logits);
}
