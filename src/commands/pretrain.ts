import type { CommandModule } from 'yargs';
import { pretrain as makeModel } from '../train/index.ts';
import { watch } from './observing.ts';
import { outputFor, type CommonArguments } from './output.ts';

interface Arguments extends CommonArguments {
  readonly kind: 'bert' | 'gpt2';
  readonly text: string;
  readonly out: string;
  readonly vocabulary: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly length: number;
  readonly batch: number;
  readonly steps: number;
  readonly rate: number;
  readonly seed: number;
}

const count = (describe: string, value: number) =>
  ({ type: 'number', default: value, describe, requiresArg: true }) as const;

/** Makes a small model from public text. */
export const pretrain: CommandModule<CommonArguments, Arguments> = {
  command: 'pretrain <text>',
  describe: 'Make a small model from public text: a BERT that reads, or a GPT-2 that writes',
  builder: (parser) =>
    parser
      .positional('text', {
        type: 'string',
        demandOption: true,
        describe: 'PUBLIC text, one document a line',
      })
      .option('kind', {
        choices: ['bert', 'gpt2'] as const,
        default: 'bert' as const,
        requiresArg: true,
        describe: 'bert: masked language model; gpt2: next token',
      })
      .option('out', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Directory of the model',
      })
      .option('vocabulary', count('Largest vocabulary', 8192))
      .option('layers', count('Layers', 2))
      .option('width', count('Width of the hidden states', 128))
      .option('heads', count('Attention heads', 2))
      .option('length', count('Longest input in tokens', 128))
      .option('batch', count('Documents in a step', 64))
      .option('steps', count('Optimizer steps', 10_000))
      .option('rate', count('Peak learning rate', 1e-3))
      .option('seed', count('Seed', 0))
      .example('$0 pretrain public.txt --out model', 'nothing here is private: the text must be public'),
  handler: async (args) => {
    const output = outputFor(args);
    const observer = watch(output);
    try {
      const loss = await makeModel({
        kind: args.kind,
        text: args.text,
        out: args.out,
        vocabularySize: args.vocabulary,
        layers: args.layers,
        width: args.width,
        heads: args.heads,
        maxTokens: args.length,
        batchSize: args.batch,
        steps: args.steps,
        learningRate: args.rate,
        seed: args.seed,
        observer,
      });
      observer.end();
      output.line(`loss ${loss.toFixed(3)} nats a predicted token; model in ${args.out}`);
      output.event({ event: 'done', loss, out: args.out });
    } finally {
      observer.end();
    }
  },
};
