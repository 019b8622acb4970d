import { join } from 'node:path';
import { writeAdapter, writeAtomic, writeModel, type NamedTensor } from '../formats/index.ts';
import { adapterOf, adapterUsage, exportModel, mergeLora } from '../models/index.ts';
import type { TrainedRun } from './job.ts';
import { modelCard, notPrivateReason } from './model-card.ts';
import { writeJson } from './run-directory.ts';
import { headOf } from './session.ts';

/** metrics.json: what is published of the evaluation. */
export type ReleasedMetrics = Readonly<Record<string, unknown>>;

/**
 * Writes `release/`: the merged model as a Hugging Face checkpoint, the adapter where there is one, metrics and model
 * card. plan.json lies there since the start.
 */
export async function writeRelease(run: TrainedRun, metrics: ReleasedMetrics): Promise<void> {
  const { session, lora, directory, model, plan, labelNames } = run;
  const network = session.network({ ...(lora && { lora }) });
  await session.prepare(network);
  const head = headOf(plan.head, model.architecture);
  const names = labelNames ?? ['label'];
  const values = lora ? mergeLora(network.adapted, session.values, lora) : session.values;
  const { task } = session;
  const { architecture } = model;
  const exported = exportModel({
    config: model.directory.config,
    architecture,
    task,
    head,
    labelNames: names,
    params: network.params,
    values,
  });
  const stamp = run.isPrivate ? {} : { not_private: true };
  await writeModel(join(directory.release, 'model'), {
    config: { ...exported.config, ...stamp },
    tensors: exported.tensors as Iterable<NamedTensor>,
    tokenizerFrom: model.directory.path,
  });
  let usage: string | undefined;
  if (lora) {
    const baseModel = plan.model.reference;
    await writeAdapter(
      join(directory.release, 'adapter'),
      adapterOf({ architecture, network, values: session.values, lora, task, head, baseModel }),
    );
    if (!run.isPrivate) {
      await writeAtomic(join(directory.release, 'adapter', 'README.md'), [`${notPrivateReason(run)}\n`]);
    }
    usage = adapterUsage({ task, head, labels: names.length, baseModel, path: 'adapter', architecture });
  }
  await writeJson(join(directory.release, 'metrics.json'), metrics);
  await writeAtomic(join(directory.release, 'README.md'), [modelCard(run, metrics, usage)]);
}
