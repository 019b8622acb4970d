import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { readStore, type Tokenizer as TextEncoder, type TokenStore } from '../data/index.ts';
import { writeModel } from '../formats/index.ts';
import { buildNetwork, exportModel, loadParameters } from '../models/index.ts';
import { createLanguageEncoder, nextTokenBatch } from './language.ts';
import { learnLanguage } from './language-training.ts';
import { maskedBatch } from './masking.ts';
import { openJobModel, type BaseModel } from './base-model.ts';
import { encoderFor, maxLengthFor, microBatchTokensOf, rowsOf } from './materials.ts';
import type { TrainOptions } from './job.ts';
import { readJson, type StagePart } from './plan-file.ts';
import { writeJson } from './run-directory.ts';
import { startEngine } from './session.ts';

/** Documents in a step. */
const defaultBatch = 32;
const defaultEpochs = 3;
/** That of Gururangan et al., arXiv:2004.10964, for continued pretraining on a task's own texts. */
const defaultRate = 1e-4;

/**
 * Goes on with a model's own objective on public text: masked tokens for an encoder, as `pretrain` has them, the next token
 * for a decoder. All weights train. A checkpoint without a language head is given a fresh one. What is made lies in
 * `out/release/model` and is what the next stage starts from; a stage that was interrupted starts again.
 * @param config - the stage as a job of its own, of task generation: its texts are read as that task reads them
 * @returns the model that it started from
 * @throws DataError where there is no text, or an encoder has no mask token
 */
export async function continuePretraining(
  config: Config,
  out: string,
  { observer }: Pick<TrainOptions, 'observer'>,
): Promise<StagePart['from']> {
  const metrics = join(out, 'release', 'metrics.json');
  if (existsSync(metrics)) return ((await readJson(metrics)) as { readonly from: StagePart['from'] }).from;
  const model = await openJobModel(config);
  try {
    const maxTokens = maxLengthFor(config, model);
    const texts = await textsOf(config, model, maxTokens);
    const { architecture, tokenizer, directory } = model;
    const isDecoder = architecture.family === 'decoder';
    const task = isDecoder ? 'causal-lm' : 'masked-lm';
    const network = buildNetwork({ architecture, task, maxTokens });
    const { values: begin, fresh } = await loadParameters(directory.weights, {
      architecture,
      params: network.params,
      rng: reproducibleRng(config.seed).fork('language head'),
      head: 'if-present',
    });
    if (fresh.length > 0) {
      observer.note('the checkpoint has no language head of its own, so a fresh one is trained along');
    }
    const { batchSize, learningRate } = config.train;
    const batch = batchSize === 'auto' ? defaultBatch : batchSize;
    const engine = await startEngine(config);
    try {
      const { values, loss } = await learnLanguage({
        engine,
        network,
        values: begin,
        texts,
        batchOf: (some, rng) =>
          isDecoder ? nextTokenBatch(some, model.padId) : maskedBatch(some, tokenizer, rng),
        batchSize: batch,
        microBatch: Math.max(1, Math.floor(microBatchTokensOf(config) / maxTokens)),
        steps: stepsOf(config, texts.length, batch),
        learningRate: learningRate === 'auto' ? defaultRate : learningRate,
        seed: config.seed,
        observer,
        what: 'continued pretraining',
      });
      observer.note(`loss ${loss.toFixed(3)} nats a predicted token, over the last tenth of the steps`);
      const exported = exportModel({
        config: directory.config,
        architecture,
        task,
        params: network.params,
        values,
      });
      await writeModel(join(out, 'release', 'model'), {
        config: exported.config,
        tensors: exported.tensors,
        tokenizerFrom: directory.path,
      });
      const from = { reference: model.reference, digest: model.digest };
      await writeJson(metrics, { loss, from });
      return from;
    } finally {
      await engine.dispose();
    }
  } finally {
    await model.directory.close();
  }
}

function stepsOf({ train: { steps, epochs } }: Config, documents: number, batch: number): number {
  if (steps !== 'auto') return steps;
  return Math.max(1, Math.floor(((epochs === 'auto' ? defaultEpochs : epochs) * documents) / batch));
}

async function textsOf(config: Config, model: BaseModel, maxLength: number): Promise<Int32Array[]> {
  const { cleaning, train, split } = config.data;
  const isDecoder = model.architecture.family === 'decoder';
  if (!isDecoder && model.tokenizer.special.mask === undefined) {
    throw new DataError(
      `${model.reference}: its tokenizer has no mask token, which continued pretraining of an encoder needs. Leave the stage out.`,
    );
  }
  const encoder: TextEncoder = isDecoder
    ? createLanguageEncoder(model, { maxLength, form: { separator: '' } })
    : encoderFor(model, maxLength);
  const store = await readStore(rowsOf(config, train, [], false), {
    tokenizer: encoder,
    task: isDecoder ? 'generation' : 'unlabelled',
    unit: { kind: 'record' },
    cleaning,
    seed: split.seed,
  });
  return Array.from({ length: store.records }, (_, record) => idsOf(store, record));
}

function idsOf({ ids, offsets }: TokenStore, record: number): Int32Array {
  return Int32Array.from(ids.subarray(offsets[record], offsets[record + 1]));
}
