import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reproducibleRng } from '../../privacy/index.ts';
import { openModel, writeAdapter, writeModel } from '../../src/formats/index.ts';
import {
  adapterOf,
  architectureOf,
  buildNetwork,
  exportModel,
  loadParameters,
  type Batch,
  type Head,
} from '../../src/models/index.ts';
import { mergeLora } from '../support/merge.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface GoldenBatch {
  records: number;
  tokens: number;
  ids: number[];
  mask: number[];
  typeIds: number[];
}

/** Exports whose loading by transformers and peft is recorded in test/golden/models/exports.json. */
export const exportCases = ['bert', 'roberta', 'distilbert', 'electra'].flatMap((model) =>
  (['mean', 'first', 'pooler'] as const).map((head) => ({ name: `${model}-${head}`, model, head })),
);
for (const model of ['modernbert', 'modernbert-mean'])
  exportCases.push({ name: `${model}-pooler`, model, head: 'pooler' });

export function goldenBatch(model: string): Batch {
  const golden = JSON.parse(readFileSync(here('../golden/models/networks.json'), 'utf8')) as {
    models: Record<string, GoldenBatch>;
  };
  const { records, tokens, ids, mask, typeIds } = golden.models[model]!;
  return {
    records,
    tokens,
    ids: Int32Array.from(ids),
    mask: Float32Array.from(mask),
    typeIds: Int32Array.from(typeIds),
  };
}

/** A classifier on a golden body, with LoRA factors and head that are far from zero, all from a fixed seed. */
export async function trainedClassifier(model: string, head: Head) {
  const directory = here(`../golden/models/${model}`);
  const opened = await openModel(directory);
  const architecture = architectureOf(opened.config);
  const lora = { rank: 3, alpha: 6, dropout: 0.1, targets: architecture.loraTargets };
  const network = buildNetwork({ architecture, task: 'single-label', labels: 3, head, lora, to: 'logits' });
  const rng = reproducibleRng(`exports ${model} ${head}`);
  const { values } = await loadParameters(opened.weights, { architecture, params: network.params, rng });
  await opened.close();
  for (const { name, place } of network.params) {
    if (place === 'head' || name.endsWith('lora_B.weight')) {
      const own = rng.fork(name);
      values.set(
        name,
        values.get(name)!.map(() => 0.4 * own.normal()),
      );
    }
  }
  return { directory, config: opened.config, architecture, lora, network, values };
}

/** Decoders whose exports, merged and as adapters, transformers and peft wrote with. */
export const decoderCases = ['gpt2', 'llama', 'llama-tied', 'qwen3', 'phi3', 'gemma3_text'];

/** Writes model/ and adapter/ of a decoder with LoRA factors far from zero. */
export async function writeDecoderExports(model: string, to: string): Promise<void> {
  const directory = here(`../golden/models/${model}`);
  const opened = await openModel(directory);
  const architecture = architectureOf(opened.config);
  // An output map of its own may have an adapter, too.
  const targets = model === 'llama' ? ['all-linear', 'lm_head'] : ['all-linear'];
  const lora = { rank: 2, alpha: 4, dropout: 0, targets };
  const network = buildNetwork({ architecture, task: 'causal-lm', lora });
  const rng = reproducibleRng(`decoder exports ${model}`);
  const { values } = await loadParameters(opened.weights, { architecture, params: network.params, rng });
  await opened.close();
  for (const { name } of network.params) {
    if (!name.endsWith('lora_B.weight')) continue;
    const own = rng.fork(name);
    values.set(
      name,
      values.get(name)!.map(() => 0.3 * own.normal()),
    );
  }
  const common = { architecture, task: 'causal-lm' } as const;
  const merged = mergeLora(network.adapted, values, lora);
  const exported = exportModel({ ...common, config: opened.config, params: network.params, values: merged });
  await writeModel(join(to, 'model'), { ...exported, tokenizerFrom: directory });
  await writeAdapter(join(to, 'adapter'), adapterOf({ ...common, network, values, lora, baseModel: model }));
}

/** Writes model/ and adapter/ of one case under `to`. */
export async function writeExports(model: string, head: Head, to: string): Promise<void> {
  const { directory, config, architecture, lora, network, values } = await trainedClassifier(model, head);
  const merged = mergeLora(network.adapted, values, lora);
  const labelNames = ['no', 'perhaps', 'yes'];
  const common = { architecture, task: 'single-label', head } as const;
  const exported = exportModel({ ...common, config, labelNames, params: network.params, values: merged });
  await writeModel(join(to, 'model'), { ...exported, tokenizerFrom: directory });
  await writeAdapter(join(to, 'adapter'), adapterOf({ ...common, network, values, lora, baseModel: model }));
}
