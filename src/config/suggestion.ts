/**
 * The known word that a misspelt one most likely stands for, or undefined where none is near. Case and the
 * choice between `targetEpsilon`, `target_epsilon` and `target-epsilon` do not matter, and one matching part of a
 * compound is enough (`target_epsilom` is near `epsilon`).
 */
export function suggestionFor(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestCost = Infinity;
  for (const candidate of known) {
    const cost = costOf(word, candidate);
    if (cost < bestCost) [best, bestCost] = [candidate, cost];
  }
  return best;
}

/** Words longer than this are not compared: no setting is, and the comparison is quadratic. */
const LONGEST_WORD = 64;

/** Relative distance of two words, infinite where they have too little in common. A match of parts ranks behind one of the whole. */
function costOf(word: string, candidate: string): number {
  if (word.length > LONGEST_WORD) return Infinity;
  const [a, b] = [partsOf(word), partsOf(candidate)];
  if (a.length === 0) return Infinity;
  const whole = relativeDistance(a.join(''), b.join(''));
  if (whole <= 0.34) return whole;
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a];
  const part = Math.max(
    ...shorter.map((own) => Math.min(...longer.map((other) => partDistance(own, other)))),
  );
  return part <= 0.25 ? 1 + part + (longer.length - shorter.length) / 10 : Infinity;
}

/** Short parts (max, per, lr) must be equal: a letter more or less makes another word of them. */
function partDistance(a: string, b: string): number {
  return Math.min(a.length, b.length) < 4 && a !== b ? 1 : relativeDistance(a, b);
}

function partsOf(word: string): string[] {
  const parts = word
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/);
  return parts.filter((part) => part !== '');
}

function relativeDistance(a: string, b: string): number {
  return a === b ? 0 : editDistance(a, b) / Math.max(a.length, b.length);
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost 1. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, substitution);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
