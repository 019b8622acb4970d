import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reproducibleRng } from '../../privacy/index.ts';
import { openModel, writeAdapter, writeModel } from '../../src/formats/index.ts';
import {
  adapterOf,
  architectureOf,
  buildNetwork,
  exportModel,
  ignoredLabel,
  loadParameters,
} from '../../src/models/index.ts';
import { mergeLora } from '../support/merge.ts';

/** Tiny bodies whose export as a token classifier is recorded in test/golden/models/taggers.json. */
export const taggerCases = ['bert', 'roberta', 'xlm-roberta', 'distilbert', 'electra', 'modernbert'];

export const tagNames = ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC'];

/** Tags of the golden batch: lengths 9, 1 and 5; the second record has no word that the model sees. */
export const goldenTags = [
  [0, 1, -1, 2, -1, -1, 0, 3, -1],
  [-1, -1, -1, -1, -1, -1, -1, -1, -1],
  [4, -1, 0, -1, 1, -1, -1, -1, -1],
]
  .flat()
  .map((tag) => (tag < 0 ? ignoredLabel : tag));

/** A token classifier on a golden body, with LoRA factors and head that are far from zero, all from a fixed seed. */
export async function trainedTagger(model: string) {
  const directory = fileURLToPath(new URL(`../golden/models/${model}`, import.meta.url));
  const opened = await openModel(directory);
  const architecture = architectureOf(opened.config);
  const lora = { rank: 3, alpha: 6, dropout: 0.1, targets: architecture.loraTargets };
  const common = { architecture, task: 'token-classification', labels: tagNames.length } as const;
  const network = buildNetwork({ ...common, lora, to: 'logits' });
  const rng = reproducibleRng(`taggers ${model}`);
  const { values } = await loadParameters(opened.weights, { architecture, params: network.params, rng });
  await opened.close();
  for (const { name, place } of network.params) {
    if (place !== 'head' && !name.endsWith('lora_B.weight')) continue;
    const own = rng.fork(name);
    values.set(
      name,
      values.get(name)!.map(() => 0.4 * own.normal()),
    );
  }
  return { directory, config: opened.config, architecture, lora, network, values };
}

/** Writes model/ and adapter/ of one case under `to`. */
export async function writeTagger(model: string, to: string): Promise<void> {
  const { directory, config, architecture, lora, network, values } = await trainedTagger(model);
  const merged = mergeLora(network.adapted, values, lora);
  const common = { architecture, task: 'token-classification', head: 'token' } as const;
  const exported = exportModel({
    ...common,
    config,
    labelNames: tagNames,
    params: network.params,
    values: merged,
  });
  await writeModel(join(to, 'model'), { ...exported, tokenizerFrom: directory });
  await writeAdapter(join(to, 'adapter'), adapterOf({ ...common, network, values, lora, baseModel: model }));
}
