import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, reproducibleRng } from '../../privacy/index.ts';
import { createEngine } from '../engines/index.ts';
import { loadTokenizer, writeSafetensors, type Tokenizer } from '../formats/index.ts';
import { plainGradient } from '../graph/index.ts';
import { architectureOf, buildNetwork, feedsOf, initialValues } from '../models/index.ts';
import { sumGradients } from './gradient.ts';
import { nextTokenBatch } from './language.ts';
import { maskedBatch } from './masking.ts';
import { throwIfStopping, type Observer } from './observer.ts';
import { writePretrainedFiles, type PretrainedShape } from './pretrain-model.ts';
import { initOptimizer, updateParameters } from './optimizers.ts';
import { tensorsOf, vectorOf, zeroVector } from './vector.ts';

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
  const fresh = network.params.map((spec) => [spec.name, initialValues(spec, rng)] as const);
  const vector = vectorOf(network.params, Object.fromEntries(fresh));
  const gradient = zeroVector(network.params);
  const optimizer = initOptimizer(vector.values.length, {
    kind: 'adamw',
    betas: [0.9, 0.98],
    epsilon: 1e-6,
    weightDecay: 0.01,
  });
  const engine = await createEngine();
  try {
    await engine.write(tensorsOf(vector));
    const trainable = network.params.map(({ name }) => name);
    const program = await engine.loadGradient(
      plainGradient({ network: network.graph, loss: 'loss', trainable }),
    );
    const recent: number[] = [];
    for (let step = 0; step < steps; step++) {
      throwIfStopping(observer, 'Start again: pretraining keeps no checkpoints.');
      const own = rng.fork(step);
      const chosen = Uint32Array.from({ length: batchSize }, () => own.integer(texts.length));
      const some = Array.from(chosen, (index) => texts[index]!);
      const batch = kind === 'bert' ? maskedBatch(some, tokenizer, own) : nextTokenBatch(some, 0);
      const source = {
        batches: () => [{ units: chosen, program, inputs: feedsOf(network, batch) }],
        take: () => engine.take(),
      };
      const { losses } = await sumGradients(chosen, source, gradient.views);
      for (let i = 0; i < gradient.values.length; i++) gradient.values[i] = gradient.values[i]! / batchSize;
      updateParameters(optimizer, vector.values, gradient.values, learningRate * warmThenLinear(step, steps));
      await engine.write(tensorsOf(vector));
      observer.stage('pretraining', step + 1, steps);
      if (step >= 0.9 * steps) recent.push(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
    }
    const tensors = network.params.map(({ name, shape }) => ({ name, shape, data: vector.views[name]! }));
    await writeSafetensors(join(out, 'model.safetensors'), tensors);
    return recent.reduce((sum, loss) => sum + loss, 0) / recent.length;
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

/** 6 % warm-up, then down to zero. */
function warmThenLinear(step: number, steps: number): number {
  const warm = Math.max(1, 0.06 * steps);
  return step < warm ? (step + 1) / warm : (steps - step) / (steps - warm);
}
