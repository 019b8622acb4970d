import type { CommandModule } from 'yargs';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { openClassifier, type Classifier } from '../train/index.ts';
import { howToType, isTyped, linesOf } from './lines.ts';
import { outputFor, type CommonArguments } from './output.ts';
import { findEntities, parseSentence } from './predict-entities.ts';

interface Arguments extends CommonArguments {
  readonly run: string;
  readonly input: string;
  readonly batch: number;
}

type Pair = readonly [text: string, pair?: string];

/** A line of the input, with its number from 1. */
interface Line {
  readonly text: string;
  readonly number: number;
}

/** Classifies texts, one a line, or finds the entities in them, into lines of JSON. */
export const predict: CommandModule<CommonArguments, Arguments> = {
  command: 'predict <run> [input]',
  describe: 'Answer texts with the model of a run: their class or classes, a number, or the entities in them',
  builder: (parser) =>
    parser
      .positional('run', { type: 'string', demandOption: true, describe: 'Run, release or model directory' })
      .positional('input', {
        type: 'string',
        default: '-',
        describe:
          'File with a text on each line, or JSON: {"text": ...}, with "textPair" for pairs, or {"tokens": [words]} for entities. - reads standard input',
      })
      .option('batch', { type: 'number', default: 32, describe: 'Texts computed at once' })
      .example('$0 predict run texts.txt', 'a line of JSON for each text, in their order')
      .example(
        'echo "A fine film" | $0 predict run',
        '{"label": ..., "scores": {...}}, for one that classifies',
      ),
  handler: async ({ run, input, batch, json }) => {
    if (!(Number.isSafeInteger(batch) && batch >= 1)) {
      throw new InvalidParameterError(`batch=${batch}: must be a whole number of at least 1.`);
    }
    const classifier = await openClassifier(run);
    try {
      let waiting: Line[] = [];
      const flush = async (): Promise<void> => {
        if (waiting.length === 0) return;
        for (const answer of await answersTo(classifier, waiting)) {
          process.stdout.write(`${JSON.stringify(answer)}\n`);
        }
        waiting = [];
      };
      let number = 0;
      const typed = isTyped(input);
      if (typed) outputFor({ json }).note(howToType);
      for await (const text of linesOf(input)) {
        waiting.push({ text, number: (number += 1) });
        if (typed || waiting.length >= batch) await flush();
      }
      await flush();
    } finally {
      await classifier.close();
    }
  },
};

async function answersTo(
  classifier: Classifier,
  lines: readonly Line[],
): Promise<readonly Record<string, unknown>[]> {
  if (classifier.task === 'token-classification') {
    return findEntities(
      classifier,
      lines.map(({ text, number }) => parseSentence(text, number)),
    );
  }
  const outputs = await classifier.logits(lines.map(({ text, number }) => parse(text, number)));
  const width = classifier.labelNames.length;
  return lines.map((_, row) => answerOf(classifier, outputs.subarray(row * width, (row + 1) * width)));
}

/** A line is a text, or an object with `text` and perhaps `textPair`. */
function parse(line: string, number: number): Pair {
  if (!line.startsWith('{')) return [line];
  let row: { text?: unknown; textPair?: unknown };
  try {
    row = JSON.parse(line) as typeof row;
  } catch {
    return [line];
  }
  if (typeof row.text !== 'string') throw new DataError(`input:${number}: no "text". Give each object one.`);
  return typeof row.textPair === 'string' ? [row.text, row.textPair] : [row.text];
}

function answerOf({ task, labelNames }: Classifier, logits: Float32Array): Record<string, unknown> {
  if (task === 'regression') return { value: logits[0] };
  const named = (values: ArrayLike<number>) =>
    Object.fromEntries(labelNames.map((name, index) => [name, round(values[index]!)]));
  if (task === 'multi-label') {
    const scores = Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit)));
    return { labels: labelNames.filter((_, index) => scores[index]! >= 0.5), scores: named(scores) };
  }
  const top = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp(logit - top));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const scores = weights.map((weight) => weight / total);
  return { label: labelNames[scores.indexOf(Math.max(...scores))], scores: named(scores) };
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
