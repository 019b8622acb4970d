import { allUndefined, mean, type Measure } from './figure.ts';
import type { PredictionsOf } from './predictions.ts';
import {
  bothIn,
  entitiesOf,
  figuresOf,
  readingOf,
  type Entity,
  type EntityFigures,
} from './text-entities.ts';

export const TOKEN_CLASSIFICATION = [
  'f1',
  'precision',
  'recall',
  'macroF1',
  'tokenAccuracy',
  'loss',
] as const;

/** Name of the F1 of one kind of entity. */
export function kindF1(kind: string): `f1 of ${string}` {
  return `f1 of ${kind}`;
}

type Tagged = PredictionsOf<'token-classification'>;

/** The tag of every word with the largest logit, [words]; O where the model sees nothing of the word. */
export function predictedTags({ outputs, labels: { positions }, labelNames }: Tagged): Int32Array {
  const width = labelNames.length;
  const outside = labelNames.indexOf('O');
  return positions.map((position, word) => {
    if (position < 0) return outside;
    let best = 0;
    for (let c = 1; c < width; c++) {
      if (outputs[word * width + c]! > outputs[word * width + best]!) best = c;
    }
    return best;
  });
}

/** Entities of a record that are right, found, and there, by kind, [kinds] each. */
interface Counts {
  readonly right: Uint32Array;
  readonly found: Uint32Array;
  readonly entities: Uint32Array;
}

interface Counted {
  readonly kinds: readonly string[];
  readonly records: readonly Counts[];
}

function countEntities(predictions: Tagged): Counted {
  const { labels, labelNames } = predictions;
  const reading = readingOf(labelNames);
  const kinds = [...new Set(labelNames.filter((name) => name !== 'O').map((name) => name.slice(2)))].sort();
  const predicted = predictedTags(predictions);
  const tally = (entities: readonly Entity[]): Uint32Array => {
    const counts = new Uint32Array(kinds.length);
    for (const { kind } of entities) counts[kinds.indexOf(kind)]! += 1;
    return counts;
  };
  const records = Array.from({ length: labels.offsets.length - 1 }, (_, record): Counts => {
    const read = (codes: Int32Array): Entity[] => {
      const own = codes.subarray(labels.offsets[record], labels.offsets[record + 1]);
      return entitiesOf(
        Array.from(own, (code) => labelNames[code]!),
        reading,
      );
    };
    const [found, entities] = [read(predicted), read(labels.codes)];
    return { right: tally(bothIn(found, entities)), found: tally(found), entities: tally(entities) };
  });
  return { kinds, records };
}

/** Sums over records that occur so many times each, by kind. */
function summed({ kinds, records }: Counted, weights: Uint32Array) {
  const sums = kinds.map(() => ({ right: 0, found: 0, entities: 0 }));
  for (const [record, counts] of records.entries()) {
    const weight = weights[record]!;
    if (weight === 0) continue;
    for (const [kind, sum] of sums.entries()) {
      sum.right += weight * counts.right[kind]!;
      sum.found += weight * counts.found[kind]!;
      sum.entities += weight * counts.entities[kind]!;
    }
  }
  return sums;
}

/** Figures of each kind of entity that occurs or is found, by its name. */
export function kindFigures(predictions: Tagged): Record<string, EntityFigures> {
  const counted = countEntities(predictions);
  const sums = summed(counted, new Uint32Array(counted.records.length).fill(1));
  return Object.fromEntries(
    counted.kinds.flatMap((kind, at) => {
      const sum = sums[at]!;
      return sum.found + sum.entities > 0 ? [[kind, figuresOf(sum)]] : [];
    }),
  );
}

/**
 * Of named entities; records are sentences.
 * - precision, recall, f1: over all entities, one right where its kind and both ends are: seqeval 1.2 by default where tags are
 *   BIO, in its mode strict where they are BIOES. A word that was cut off counts as O.
 * - macroF1: mean F1 of the kinds that occur or are found.
 * - tokenAccuracy: share of the words whose tag is right, those outside of entities included.
 * - loss: cross-entropy of the words that the model sees, in nats.
 * - `kindF1` of each kind: its F1, undefined where it neither occurs nor is found.
 */
export function measureTokenClassification(
  predictions: Tagged,
): Measure<(typeof TOKEN_CLASSIFICATION)[number] | ReturnType<typeof kindF1>> {
  const counted = countEntities(predictions);
  const words = countWords(predictions);
  return (weights) => {
    const sum = (values: ArrayLike<number>): number =>
      weights.reduce((total, weight, record) => total + weight * values[record]!, 0);
    const all = sum(words.words);
    if (all === 0) return allUndefined([...TOKEN_CLASSIFICATION, ...counted.kinds.map(kindF1)], 'no words');
    const sums = summed(counted, weights);
    const total = sums.reduce(
      (one, other) => ({
        right: one.right + other.right,
        found: one.found + other.found,
        entities: one.entities + other.entities,
      }),
      { right: 0, found: 0, entities: 0 },
    );
    const { precision, recall, f1 } = figuresOf(total);
    const occurring = sums.filter(({ found, entities }) => found + entities > 0);
    const seen = sum(words.seen);
    const none = 'there are no entities';
    const some = total.entities > 0;
    return {
      f1: some ? f1 : none,
      precision: some ? precision : none,
      recall: some ? recall : none,
      macroF1: some ? mean(occurring.map((kind) => figuresOf(kind).f1)) : none,
      tokenAccuracy: sum(words.right) / all,
      loss: seen === 0 ? 'the model saw no word' : sum(words.losses) / seen,
      ...Object.fromEntries(
        sums.map((kind, at) => [
          kindF1(counted.kinds[at]!),
          kind.found + kind.entities > 0 ? figuresOf(kind).f1 : none,
        ]),
      ),
    };
  };
}

/** Of each record's words: how many there are, were seen, are right, and the losses of those seen, [records] each. */
function countWords(predictions: Tagged) {
  const { outputs, labels, labelNames } = predictions;
  const { offsets, codes, positions } = labels;
  const width = labelNames.length;
  const predicted = predictedTags(predictions);
  const records = offsets.length - 1;
  const [words, seen, right, losses] = [0, 0, 0, 0].map(() => new Float64Array(records)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let record = 0; record < records; record++) {
    for (let word = offsets[record]!; word < offsets[record + 1]!; word++) {
      words[record]! += 1;
      if (predicted[word] === codes[word]) right[record]! += 1;
      if (positions[word]! < 0) continue;
      seen[record]! += 1;
      losses[record]! += crossEntropy(outputs.subarray(word * width, (word + 1) * width), codes[word]!);
    }
  }
  return { words, seen, right, losses };
}

function crossEntropy(logits: Float32Array, label: number): number {
  const top = Math.max(...logits);
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) + top - logits[label]!;
}
