import { InvalidParameterError } from '../../privacy/index.ts';

/** Named entities found and missed, as CoNLL-2003 scores them. */
export interface EntityFigures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Entities that there are. */
  readonly entities: number;
}

/**
 * Precision, recall and F1 over all entities: one counts where its kind and both ends are right. Tags are `O`, `B-KIND` and
 * `I-KIND` (BIO), or also `E-KIND` and `S-KIND` (BIOES). A kind that changes, and a tag inside that nothing began, begin an
 * entity: seqeval 1.2's default, and conlleval's.
 * @param predicted - tags of each sentence, as many as in `truth`
 */
export function entityFigures(
  predicted: readonly (readonly string[])[],
  truth: readonly (readonly string[])[],
): EntityFigures {
  let [right, found, entities] = [0, 0, 0];
  if (predicted.length !== truth.length) {
    throw new InvalidParameterError(
      `predicted.length=${predicted.length}: must be that of truth, ${truth.length}. Give tags of every sentence.`,
    );
  }
  for (const [at, tags] of truth.entries()) {
    const own = predicted[at]!;
    if (own.length !== tags.length) {
      throw new InvalidParameterError(
        `predicted[${at}].length=${own.length}: must be that of truth, ${tags.length}. Give every word a tag.`,
      );
    }
    const [wanted, got] = [new Set(entitiesOf(tags)), entitiesOf(own)];
    entities += wanted.size;
    found += got.length;
    right += got.filter((entity) => wanted.has(entity)).length;
  }
  const precision = found === 0 ? 0 : right / found;
  const recall = entities === 0 ? 0 : right / entities;
  return { precision, recall, f1: right === 0 ? 0 : (2 * right) / (found + entities), entities };
}

/** Each entity as `KIND start end`. */
function entitiesOf(tags: readonly string[]): string[] {
  const found: string[] = [];
  let [start, kind, before] = [0, '', 'O'];
  for (const [at, tag] of [...tags, 'O'].entries()) {
    const [prefix, own] = tag === 'O' ? ['O', ''] : [tag[0]!, tag.slice(2)];
    const isInside = before !== 'O';
    const begins =
      prefix !== 'O' &&
      (prefix === 'B' || prefix === 'S' || !isInside || 'ES'.includes(before) || own !== kind);
    if (isInside && (prefix === 'O' || begins)) found.push(`${kind} ${start} ${at}`);
    if (begins) start = at;
    [kind, before] = [own, prefix];
  }
  return found;
}
