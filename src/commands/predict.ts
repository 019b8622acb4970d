import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { CommandModule } from 'yargs';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';
import { openClassifier, type Classifier } from '../train/index.ts';
import type { CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly run: string;
  readonly input: string;
  readonly batch: number;
}

type Pair = readonly [text: string, pair?: string];

/** Classifies texts, one a line, into lines of JSON. */
export const predict: CommandModule<CommonArguments, Arguments> = {
  command: 'predict <run> [input]',
  describe: 'Classify texts with the model of a run',
  builder: (parser) =>
    parser
      .positional('run', { type: 'string', demandOption: true, describe: 'Run, release or model directory' })
      .positional('input', {
        type: 'string',
        default: '-',
        describe: 'Texts, one a line, or lines of JSON with "text" and "textPair"; - is standard input',
      })
      .option('batch', { type: 'number', default: 32, describe: 'Texts computed at once' })
      .example('$0 predict run < texts.txt', 'one JSON line a text'),
  handler: async ({ run, input, batch }) => {
    if (!(Number.isSafeInteger(batch) && batch >= 1)) {
      throw new InvalidParameterError(`batch=${batch}: must be a whole number of at least 1.`);
    }
    const classifier = await openClassifier(run);
    try {
      let waiting: Pair[] = [];
      const flush = async (): Promise<void> => {
        if (waiting.length === 0) return;
        const outputs = await classifier.logits(waiting);
        const width = classifier.labelNames.length;
        for (let row = 0; row < waiting.length; row++) {
          const answer = answerOf(classifier, outputs.subarray(row * width, (row + 1) * width));
          process.stdout.write(`${JSON.stringify(answer)}\n`);
        }
        waiting = [];
      };
      let line = 0;
      const stream = input === '-' ? process.stdin : createReadStream(input);
      for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
        waiting.push(parse(text, (line += 1)));
        if (waiting.length >= batch) await flush();
      }
      await flush();
    } finally {
      await classifier.close();
    }
  },
};

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
