import { InvalidParameterError } from '../../privacy/index.ts';

/** Named entities found and missed, as CoNLL-2003 scores them. */
export interface EntityFigures {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Entities that there are. */
  readonly entities: number;
}

/** A named entity: the words from `start` to before `end`, from 0. */
export interface Entity {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

/** How tags become entities where they do not go together. */
export type TagReading = 'lenient' | 'strict';

/**
 * Precision, recall and F1 over all entities: one counts where its kind and both ends are right. Tags are `O`, `B-KIND` and
 * `I-KIND` (BIO), or also `E-KIND` and `S-KIND` (BIOES). seqeval 1.2 by default (`lenient`, conlleval's too), or in its mode
 * `strict` with scheme IOBES.
 * @param predicted - tags of each sentence, as many as in `truth`
 */
export function entityFigures(
  predicted: readonly (readonly string[])[],
  truth: readonly (readonly string[])[],
  reading: TagReading = 'lenient',
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
    const [got, wanted] = [entitiesOf(own, reading), entitiesOf(tags, reading)];
    entities += wanted.length;
    found += got.length;
    right += bothIn(got, wanted).length;
  }
  return figuresOf({ right, found, entities });
}

/** Entities of one list that are in the other, too. */
export function bothIn(some: readonly Entity[], others: readonly Entity[]): Entity[] {
  const keys = new Set(others.map(keyOf));
  return some.filter((entity) => keys.has(keyOf(entity)));
}

function keyOf({ kind, start, end }: Entity): string {
  return `${kind} ${start} ${end}`;
}

/** 0 where nothing was found, or nothing is there, as seqeval has it. */
export function figuresOf({
  right,
  found,
  entities,
}: Readonly<Record<'right' | 'found' | 'entities', number>>): EntityFigures {
  return {
    precision: found === 0 ? 0 : right / found,
    recall: entities === 0 ? 0 : right / entities,
    f1: right === 0 ? 0 : (2 * right) / (found + entities),
    entities,
  };
}

/**
 * The entities that tags say.
 *
 * `lenient`: a kind that changes, and a tag inside that nothing began, begin an entity. `strict`: an entity is `S-KIND`, or
 * `B-KIND`, any number of `I-KIND` and `E-KIND`; anything else is none.
 */
export function entitiesOf(tags: readonly string[], reading: TagReading = 'lenient'): Entity[] {
  return reading === 'strict' ? strictEntities(tags) : lenientEntities(tags);
}

/** A tag's place in its entity, and the entity's kind. */
function partsOf(tag: string): readonly [place: string, kind: string] {
  return tag === 'O' ? ['O', ''] : [tag[0]!, tag.slice(2)];
}

function lenientEntities(tags: readonly string[]): Entity[] {
  const found: Entity[] = [];
  let [start, kind, before] = [0, '', 'O'];
  for (const [at, tag] of [...tags, 'O'].entries()) {
    const [place, own] = partsOf(tag);
    const isInside = before !== 'O';
    const begins =
      place !== 'O' && ('BS'.includes(place) || !isInside || 'ES'.includes(before) || own !== kind);
    if (isInside && (place === 'O' || begins)) found.push({ kind, start, end: at });
    if (begins) start = at;
    [kind, before] = [own, place];
  }
  return found;
}

function strictEntities(tags: readonly string[]): Entity[] {
  const found: Entity[] = [];
  for (let start = 0; start < tags.length; start++) {
    const [place, kind] = partsOf(tags[start]!);
    if (place === 'S') found.push({ kind, start, end: start + 1 });
    if (place !== 'B') continue;
    let end = start + 1;
    while (tags[end] === `I-${kind}`) end += 1;
    if (tags[end] === `E-${kind}`) found.push({ kind, start, end: end + 1 });
  }
  return found;
}

/** BIO tags are read as CoNLL's own scorer reads them; where there are names with E or S, only whole entities count. */
export function readingOf(labelNames: readonly string[]): TagReading {
  return labelNames.some((name) => /^[ES]-/.test(name)) ? 'strict' : 'lenient';
}
