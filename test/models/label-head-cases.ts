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
  type NetworkOptions,
  type Verbalizer,
} from '../../src/models/index.ts';
import { mergeLora } from '../support/merge.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A classifier on a decoder's last token, or by label words, on one of the golden bodies. */
export interface LabelHeadCase {
  readonly name: string;
  /** Directory under test/golden/models. */
  readonly model: string;
  readonly head: 'last-token' | 'verbalizer';
}

const decoders = ['gpt2', 'llama', 'llama-tied', 'mistral', 'qwen2', 'qwen3', 'phi3', 'gemma3_text'];
const masked = ['bert-masked', 'roberta-masked', 'distilbert-masked', 'modernbert-masked'];

/** Cases that test/golden/models/label-heads.json records. */
export const labelHeadCases: readonly LabelHeadCase[] = [
  ...decoders.map((model) => ({ name: `${model} last-token`, model, head: 'last-token' as const })),
  ...['gpt2', 'llama', 'gemma3_text', ...masked].map((model) => ({
    name: `${model} verbalizer`,
    model,
    head: 'verbalizer' as const,
  })),
];

export const labelNames = ['no', 'perhaps', 'yes'];
/** Tokens of the label words, of the mask, and of the padding. */
const words = [7, 30, 12];
export const maskToken = 3;
export const padToken = 0;

interface GoldenBatch {
  records: number;
  tokens: number;
  ids: number[];
  mask: number[];
  typeIds: number[];
}

/**
 * Records of 9, 1 and 5 tokens. For label words of encoders a token of each is the mask; for a last token the first record ends
 * in a token that is also the padding, which is passed over.
 */
export function labelHeadBatch({ model, head }: LabelHeadCase): Batch {
  const golden = JSON.parse(readFileSync(here('../golden/models/networks.json'), 'utf8')) as {
    models: Record<string, GoldenBatch>;
  };
  const { records, tokens, mask, typeIds, ...rest } = golden.models[model.replace('-masked', '')]!;
  const ids = Int32Array.from(rest.ids);
  if (head === 'last-token') ids[8] = padToken;
  else if (model.endsWith('-masked')) for (const at of [4, 9, 20]) ids[at] = maskToken;
  return { records, tokens, ids, mask: Float32Array.from(mask), typeIds: Int32Array.from(typeIds) };
}

export function verbalizerOf(model: string): Verbalizer {
  const isMasked = model.endsWith('-masked');
  return {
    template: isMasked ? '{text} It was {mask}.' : '{text} It was {mask}',
    words: labelNames.map((label, at) => ({ label, word: `word ${words[at]}`, token: words[at]! })),
    maxLength: 16,
    model: isMasked ? 'masked-lm' : 'causal-lm',
  };
}

/** The part of the options that the head decides. */
export function headOptions({
  model,
  head,
}: LabelHeadCase): Pick<NetworkOptions, 'task' | 'labels' | 'head' | 'mark' | 'words'> {
  const common = { task: 'single-label', labels: 3, head } as const;
  if (head === 'last-token') return { ...common, mark: { kind: 'last', except: padToken } };
  const mark = model.endsWith('-masked')
    ? ({ kind: 'token', token: maskToken } as const)
    : ({ kind: 'last' } as const);
  return { ...common, mark, words };
}

/** Opens a case's body, with LoRA factors and score far from zero, all from a fixed seed. */
export async function labelHead(one: LabelHeadCase) {
  const directory = here(`../golden/models/${one.model}`);
  const opened = await openModel(directory);
  const architecture = architectureOf(opened.config);
  const lora = { rank: 3, alpha: 6, dropout: 0, targets: architecture.loraTargets };
  const network = buildNetwork({ architecture, ...headOptions(one), lora, to: 'logits' });
  const rng = reproducibleRng(`label heads ${one.name}`);
  const { values } = await loadParameters(opened.weights, {
    architecture,
    params: network.params,
    rng,
    head: one.head === 'verbalizer' ? 'checkpoint' : 'fresh',
  });
  await opened.close();
  for (const { name } of network.params) {
    if (name !== 'score.weight' && !name.endsWith('lora_B.weight')) continue;
    const own = rng.fork(name);
    values.set(
      name,
      values.get(name)!.map(() => 0.4 * own.normal()),
    );
  }
  return { directory, config: opened.config, architecture, lora, network, values };
}

/** Writes model/ and adapter/ of a case under `to`. */
export async function writeLabelHead(one: LabelHeadCase, to: string): Promise<void> {
  const { directory, config, architecture, lora, network, values } = await labelHead(one);
  const { head, model } = one;
  const common = { architecture, task: 'single-label', head } as const;
  const exported = exportModel({
    ...common,
    config,
    labelNames,
    padId: padToken,
    verbalizer: verbalizerOf(model),
    params: network.params,
    values: mergeLora(network.adapted, values, lora),
  });
  await writeModel(join(to, 'model'), { ...exported, tokenizerFrom: directory });
  await writeAdapter(join(to, 'adapter'), adapterOf({ ...common, network, values, lora, baseModel: model }));
}
