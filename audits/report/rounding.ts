import { isGiven } from './schema-node.ts';
import type { Report } from './schema.ts';
import { grouped, percent } from './words.ts';

/** What rounding the frozen weights did, in a sentence; nothing where none is rounded. */
export function roundingInWords({
  baseModel: { frozenWeights },
}: Pick<Report, 'baseModel'>): string | undefined {
  if (!isGiven(frozenWeights)) return undefined;
  const { bits, weights, compared, tokens, relativeError, sameWord } = frozenWeights;
  const same = isGiven(sameWord) ? ` and named the same likeliest word at ${percent(sameWord)} of them` : '';
  return `To save memory, the ${grouped(weights)} numbers of the base model's linear maps that training left as they were are rounded to ${bits} bits, in this model too. That has nothing to do with the private data and changes nothing in the guarantee. On ${grouped(tokens)} random tokens the rounded base model's ${compared} differed from the original's by ${percent(relativeError)} (root mean square)${same}.`;
}
