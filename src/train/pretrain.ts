import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, reproducibleRng } from '../../privacy/index.ts';
import { createEngine } from '../engines/index.ts';
import { loadTokenizer, writeSafetensors, type Tokenizer } from '../formats/index.ts';
import { architectureOf, buildNetwork, initialValues } from '../models/index.ts';
import { nextTokenBatch } from './language.ts';
import { learnLanguage } from './language-training.ts';
import { maskedBatch } from './masking.ts';
import type { Observer } from './observer.ts';
import { writePretrainedFiles, type PretrainedShape } from './pretrain-model.ts';

export interface PretrainOptions extends PretrainedShape {
  /** Public text, one document a line. */
  readonly text: string;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly observer: Observer;
}

/**
 * Makes a small model from public text. A BERT by the masked-language-model objective (Devlin et al., arXiv:1810.04805, with
 * 30 % of the tokens predicted, which small models learn more from: Wettig et al., arXiv:2202.08005; of these 80 % are
 * masked, 10 % replaced, 10 % left); a GPT-2 by predicting each next token. Nothing here is private: the text must be
 * public. The result is a Hugging Face directory.
 * @returns mean loss over the last tenth of the steps, nats a predicted token
 */
export async function pretrain(options: PretrainOptions): Promise<number> {
  const { kind, out, steps, batchSize, learningRate, seed, observer } = options;
  const lines = (await readFile(options.text, 'utf8')).split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new DataError(`text=${options.text}: has no text. Give one document a line.`);
  await mkdir(out, { recursive: true });
  const config = await writePretrainedFiles(options, lines);
  const tokenizer = await loadTokenizer(out);
  const texts = lines.map((line) => documentOf(line, tokenizer, options));

  const architecture = architectureOf(config);
  const task = kind === 'bert' ? 'masked-lm' : 'causal-lm';
  const network = buildNetwork({ architecture, task, maxTokens: options.maxTokens });
  const rng = reproducibleRng(seed);
  const engine = await createEngine();
  try {
    const { values, loss } = await learnLanguage({
      engine,
      network,
      values: new Map(network.params.map((spec) => [spec.name, initialValues(spec, rng)])),
      texts,
      batchOf: (some, own) => (kind === 'bert' ? maskedBatch(some, tokenizer, own) : nextTokenBatch(some, 0)),
      batchSize,
      microBatch: batchSize,
      steps,
      learningRate,
      seed,
      observer,
      what: 'pretraining',
    });
    const tensors = network.params.map(({ name, shape }) => ({ name, shape, data: values.get(name)! }));
    await writeSafetensors(join(out, 'model.safetensors'), tensors);
    return loss;
  } finally {
    await engine.dispose();
  }
}

/** Token ids of a document; one that a decoder learns ends in what ended it. */
function documentOf(line: string, tokenizer: Tokenizer, { kind, maxTokens }: PretrainedShape): Int32Array {
  const { ids, truncated } = tokenizer.encode(line, undefined, { maxLength: maxTokens });
  return kind === 'bert' || truncated || ids.length === maxTokens
    ? ids
    : Int32Array.from([...ids, tokenizer.special.eos!]);
}
