import { join } from 'node:path';
import { labelWordsUsage } from '../../audits/index.ts';
import { writeAdapter, writeAtomic, writeModel } from '../formats/index.ts';
import { adapterOf, adapterUsage, exportModel, mergedWeight, type Network } from '../models/index.ts';
import type { TrainedRun } from './job.ts';
import { readJson } from './plan-file.ts';
import { ROUNDING_FILE, type RoundingEffect } from './rounding-effect.ts';
import { writeJson } from './run-directory.ts';
import { headOf } from './heads.ts';

/** metrics.json: what is published of the evaluation. */
export type ReleasedMetrics = Readonly<Record<string, unknown>>;

/**
 * Writes `release/`: the merged model as a Hugging Face checkpoint, the adapter with how it is used where there is one, and
 * metrics. plan.json lies there since the start; the report and the model card are made from all of it.
 * @param onPublicData - a model that learnt without privacy is then not stamped: nobody in its data needs protection
 */
export async function writeRelease(
  run: TrainedRun,
  metrics: ReleasedMetrics,
  onPublicData = false,
): Promise<void> {
  const { session, lora, directory, model, plan, labelNames } = run;
  const network = session.network({ ...(lora && { lora }) });
  await session.prepare(network);
  const { architecture, padId } = model;
  const { verbalizer } = plan;
  const { task } = session;
  const head = headOf(plan.head, architecture, task);
  const names = labelNames ?? ['label'];
  const exported = exportModel({
    config: model.directory.config,
    architecture,
    task,
    head,
    labelNames: names,
    padId,
    verbalizer,
    params: network.params,
    values: session.values,
    later: laterOf(run, network),
  });
  const stamp = run.isPrivate || onPublicData ? {} : { not_private: true };
  await writeModel(join(directory.release, 'model'), {
    config: { ...exported.config, ...stamp },
    tensors: exported.tensors,
    tokenizerFrom: model.directory.path,
  });
  if (lora && isWhole(run, network)) {
    const baseModel = plan.model.reference;
    const adapter = join(directory.release, 'adapter');
    await writeAdapter(
      adapter,
      adapterOf({ architecture, network, values: session.values, lora, task, head, baseModel }),
    );
    const usage = adapterUsage({
      task,
      head,
      labels: names.length,
      baseModel,
      path: 'adapter',
      architecture,
      padId,
    });
    await writeAtomic(join(adapter, 'README.md'), [
      adapterCard(
        run,
        [usage, ...(verbalizer ? labelWordsUsage(verbalizer) : [])].join('\n'),
        plan.frozenWeights && ((await readJson(join(directory.release, ROUNDING_FILE))) as RoundingEffect),
      ),
    ]);
  }
  await writeJson(join(directory.release, 'metrics.json'), metrics);
}

/** Weights that have to be made: adapters added, 8 bits restored. One at a time, as they are written. */
function laterOf({ session, lora }: TrainedRun, network: Network): Map<string, () => Promise<Float32Array>> {
  const read = session.reader(network);
  const adapters = new Map(network.adapted.map((adapted) => [`${adapted.path}.weight`, adapted]));
  const made = network.params.filter(({ name }) => adapters.has(name) || !session.values.has(name));
  return new Map(
    made.map((spec) => {
      const adapted = adapters.get(spec.name);
      const make = async (): Promise<Float32Array> =>
        adapted && lora ? mergedWeight(adapted, await read(spec), session.values, lora) : read(spec);
      return [spec.name, make];
    }),
  );
}

/** Whether the adapter holds all that trained: not where other weights of the base model trained in another phase. */
function isWhole({ session }: TrainedRun, { params, pretrainedHead }: Network): boolean {
  const held = params.filter(({ role, place }) => role === 'lora' || (place === 'head' && !pretrainedHead));
  const names = new Set(held.map(({ name }) => name));
  return Object.keys(session.changed()).every((name) => names.has(name));
}

/** For the adapter, which may be copied on its own. */
function adapterCard(
  { isPrivate, nonPrivate }: TrainedRun,
  usage: string,
  rounding: RoundingEffect | undefined,
): string {
  const how = nonPrivate ? 'without clipping and noise' : 'with sampling and noise from a seed';
  const standing = isPrivate
    ? 'Fine-tuned with differential privacy: the guarantee stands in the README.md and report.html of the release.'
    : `NOT PRIVATE: trained ${how}. It carries no privacy guarantee.`;
  const base = rounding
    ? `\n\nIt was trained on, and evaluated with, the base model rounded to 8 bits, as model/ has it. On the original base its answers differ by that rounding, which changes the base model's ${rounding.compared} by ${(100 * rounding.relativeError).toFixed(2)} % (root mean square, on random tokens).`
    : '';
  return `${standing}${base}\n\n\`\`\`python\n${usage}\n\`\`\`\n`;
}
