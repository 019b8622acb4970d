import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataError, reproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { allUnits, microBatches, type Tokenizer as TextEncoder } from '../data/index.ts';
import { createEngine, type Engine, type EngineChoice } from '../engines/index.ts';
import { releasedModel } from '../formats/index.ts';
import {
  buildNetwork,
  exportedHead,
  feedsOf,
  loadParameters,
  paddedBatch,
  tensorsOf,
  type Batch,
  type ExportedHead,
} from '../models/index.ts';
import { orClose } from './closing.ts';
import { outputsFor, scatterOutputs } from './evaluation.ts';
import { networkHead, wordsOf } from './heads.ts';
import { createTemplateEncoder } from './label-words.ts';
import { openBaseModel } from './base-model.ts';
import { encoderFor, jobEncoder, maxLengthFor, readHeldOut } from './materials.ts';
import { majority, measure, type Measured } from './measure.ts';
import { readJson, type JobPlan } from './plan-file.ts';
import { wordTags, type WordTag } from './tagging.ts';

/** A classifier (or regressor) that dptune released, ready to answer. */
export interface Classifier extends ExportedHead {
  /** Outputs for texts, or pairs, [texts, labels]. */
  logits(texts: readonly (readonly [text: string, pair?: string])[]): Promise<Float32Array>;
  /** Tags of the words of sentences; task `token-classification`. */
  tags(sentences: readonly (readonly string[])[]): Promise<WordTag[][]>;
  /** Figures on a labelled file. */
  evaluate(config: Config, path: string): Promise<Measured>;
  /** Figures of always answering that file's most frequent label. */
  majority(config: Config, path: string): Promise<Measured>;
  close(): Promise<void>;
}

/**
 * Opens what a run released.
 * @param path - run directory, its release, or the model directory
 * @throws DataError where no classifier of dptune lies there
 */
export async function openClassifier(path: string, engineChoice: EngineChoice = {}): Promise<Classifier> {
  const found = releasedModel(path);
  if (found === undefined) {
    throw new DataError(`run=${path}: no released model lies there. Name the directory of a finished run.`);
  }
  const model = await openBaseModel(found, found);
  return orClose(model.directory, async () => {
    const own = exportedHead(model.directory.config);
    if (own === undefined) {
      throw new DataError(
        model.architecture.family === 'decoder'
          ? `run=${path}: this model writes and does not classify. Use dptune generate.`
          : `run=${path}: not a model that dptune released; its config.json does not name its head.`,
      );
    }
    const { architecture, tokenizer, padId } = model;
    const { task, labelNames, verbalizer } = own;
    const maxTokens =
      verbalizer?.maxLength ??
      Math.min(await trainedLength(found), architecture.maxTokens, tokenizer.maxLength ?? Infinity);
    const network = buildNetwork({
      architecture,
      task,
      labels: labelNames.length,
      ...networkHead('checkpoint', wordsOf(own), model, task),
      to: 'logits',
      maxTokens,
    });
    const { values } = await loadParameters(model.directory.weights, {
      architecture,
      params: network.params,
      rng: reproducibleRng(0),
      head: 'checkpoint',
    });
    const engine = await createEngine(engineChoice);
    await engine.write(tensorsOf(network.params, values));
    const program = await engine.load(network.graph);
    const encoder: TextEncoder = verbalizer
      ? createTemplateEncoder(model, verbalizer)
      : encoderFor(model, maxTokens);
    const run = async (batch: Batch): Promise<Float32Array> =>
      (await program.run(feedsOf(network, batch)))[network.output]!.data as Float32Array;
    const read = (config: Config, file: string) =>
      readHeldOut(config, file, encoder, task === 'regression' ? undefined : labelNames);
    return {
      ...own,
      async logits(texts) {
        const encoded = texts.map(([text, pair]) => encoder.encode(text, pair));
        return run(paddedBatch(encoded, padId));
      },
      async tags(sentences) {
        const encoded = sentences.map((words) => encoder.encodeWords!(words));
        const batch = paddedBatch(encoded, padId);
        return wordTags(encoded, await run(batch), batch.tokens, labelNames);
      },
      async majority(config, file) {
        return majority(await read(config, file), config);
      },
      async evaluate(config, file) {
        const store = await read(config, file);
        const outputs = outputsFor(store, labelNames.length);
        for (const batch of microBatches(store, allUnits(store), { tokenBudget: 4096, padId })) {
          scatterOutputs(outputs, await run(batch), store, batch);
        }
        return measure(store, outputs, config);
      },
      async close() {
        await engine.dispose();
        await model.directory.close();
      },
    };
  });
}

/**
 * Figures of a language model on a file with the columns of a job.
 * @param path - model directory
 */
export async function evaluateLanguageModel(config: Config, path: string, file: string): Promise<Measured> {
  const model = await openBaseModel(path, path);
  let engine: Engine | undefined;
  try {
    engine = await createEngine();
    const { architecture, padId } = model;
    const encoder = jobEncoder(config, model);
    const maxTokens = maxLengthFor(config, model);
    const network = buildNetwork({ architecture, task: 'causal-lm', maxTokens });
    const { params } = network;
    const rng = reproducibleRng(0);
    const { values } = await loadParameters(model.directory.weights, {
      architecture,
      params,
      rng,
      head: 'checkpoint',
    });
    await engine.write(tensorsOf(params, values));
    const program = await engine.load(network.graph);
    const store = await readHeldOut(config, file, encoder, undefined);
    const losses = outputsFor(store, 1);
    for (const batch of microBatches(store, allUnits(store), { tokenBudget: 4096, padId })) {
      const { data } = (await program.run(feedsOf(network, batch)))[network.output]!;
      scatterOutputs(losses, data as Float32Array, store, batch);
    }
    return measure(store, losses, config);
  } finally {
    await engine?.dispose();
    await model.directory.close();
  }
}

/** Texts are cut where the run cut them, so that its figures are found again. */
async function trainedLength(directory: string): Promise<number> {
  const plan = join(dirname(directory), 'plan.json');
  return existsSync(plan) ? ((await readJson(plan)) as JobPlan).maxLength : Infinity;
}
