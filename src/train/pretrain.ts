import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, reproducibleRng } from '../../privacy/index.ts';
import { createEngine } from '../engines/index.ts';
import { learnVocabulary, loadTokenizer, writeAtomic, writeSafetensors } from '../formats/index.ts';
import { plainGradient } from '../graph/index.ts';
import { architectureOf, buildNetwork, feedsOf, initialValues } from '../models/index.ts';
import { sumGradients } from './gradient.ts';
import { maskedBatch } from './masking.ts';
import { throwIfStopping, type Observer } from './observer.ts';
import { initOptimizer, updateParameters } from './optimizers.ts';
import { tensorsOf, vectorOf, zeroVector } from './vector.ts';

export interface PretrainOptions {
  /** Public text, one document a line. */
  readonly text: string;
  readonly out: string;
  readonly vocabularySize: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly maxTokens: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly observer: Observer;
}

/**
 * Makes a small BERT from public text by the masked-language-model objective (Devlin et al., arXiv:1810.04805, with 30 %
 * of the tokens predicted, which small models learn more from: Wettig et al., arXiv:2202.08005; of these 80 % are
 * masked, 10 % replaced, 10 % left). Nothing here is private: the text must
 * be public. The result is a Hugging Face directory.
 * @returns mean loss over the last tenth of the steps, nats a predicted token
 */
export async function pretrain(options: PretrainOptions): Promise<number> {
  const { out, steps, batchSize, learningRate, seed, observer } = options;
  const lines = (await readFile(options.text, 'utf8')).split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new DataError(`text=${options.text}: has no text. Give one document a line.`);
  await mkdir(out, { recursive: true });
  const config = await writeConfig(options, learnVocabulary(lines, options.vocabularySize));
  const tokenizer = await loadTokenizer(out);
  const texts = lines.map((line) => tokenizer.encode(line, undefined, { maxLength: options.maxTokens }).ids);

  const architecture = architectureOf(config);
  const network = buildNetwork({ architecture, task: 'masked-lm', maxTokens: options.maxTokens });
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
      const batch = maskedBatch(
        Array.from(chosen, (index) => texts[index]!),
        tokenizer,
        own,
      );
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

async function writeConfig(options: PretrainOptions, vocabulary: readonly string[]) {
  const { out, layers, width, heads, maxTokens } = options;
  const config = {
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    vocab_size: vocabulary.length,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * width,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    max_position_embeddings: maxTokens,
    type_vocab_size: 2,
    initializer_range: 0.02,
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
  };
  const tokenizer = { tokenizer_class: 'BertTokenizer', do_lower_case: true, model_max_length: maxTokens };
  await writeAtomic(join(out, 'vocab.txt'), [`${vocabulary.join('\n')}\n`]);
  await writeAtomic(join(out, 'tokenizer_config.json'), [`${JSON.stringify(tokenizer, null, 2)}\n`]);
  await writeAtomic(join(out, 'config.json'), [`${JSON.stringify(config, null, 2)}\n`]);
  return config;
}

/** 6 % warm-up, then down to zero. */
function warmThenLinear(step: number, steps: number): number {
  const warm = Math.max(1, 0.06 * steps);
  return step < warm ? (step + 1) / warm : (steps - step) / (steps - warm);
}
