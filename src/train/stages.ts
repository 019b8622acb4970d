import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { sha256File } from '../data/index.ts';
import { continuePretraining } from './continued-pretraining.ts';
import { finishRun } from './finish.ts';
import { resumeJob, trainOnModel, type TrainedRun, type TrainOptions } from './job.ts';
import { digestOverFiles } from './base-model.ts';
import { readJson, type JobPlan, type StagePart } from './plan-file.ts';
import { runDirectory } from './run-directory.ts';

type Stage = NonNullable<Config['stages']>[number];

/**
 * Runs a job from the start: its stages on public data, without privacy, then the job itself on the model that they made.
 * A stage that an interrupted start finished is not trained again.
 * @throws DriftError if `options.plan` is not what the job would run
 */
export async function trainJob(config: Config, options: TrainOptions): Promise<TrainedRun> {
  const { stages = [], ...rest } = config;
  if (stages.length === 0) return trainOnModel(config, options);
  requirePublic(stages);
  const parts: StagePart[] = [];
  let { model } = config;
  for (const stage of stages) {
    const out = join(runDirectory(options.out).private, 'stages', stage.name);
    options.observer.note(`stage ${stage.name}: training on public data, without privacy`);
    const alone = stageConfig({ ...rest, model }, stage);
    const from = await (stage.task === 'pretraining'
      ? continuePretraining(alone, out, options)
      : trainStage(alone, out, options));
    model = join(out, 'release', 'model');
    parts.push(await partOf(stage, config, from));
  }
  return trainOnModel({ ...rest, model }, { ...options, stages: parts });
}

function requirePublic(stages: readonly Stage[]): void {
  const names = stages.map(({ name }) => name);
  for (const [index, { name, public: isPublic }] of stages.entries()) {
    if (!isPublic) {
      throw new ConfigError(
        `stages.${index}.public=false: a stage trains without privacy, so its data must be public. Declare it, or make it a phase of the private job (train.phases).`,
      );
    }
    if (names.indexOf(name) !== index || !/^[\w-]+$/.test(name)) {
      throw new ConfigError(
        `stages.${index}.name=${name}: must be letters, digits, - and _, and no other stage's. Rename it.`,
      );
    }
  }
}

/** The stage as a job of its own. Its privacy section is not used: nothing in it is private. */
function stageConfig(base: Config, { task: own, data, train }: Stage): Config {
  const task = own === 'pretraining' ? 'generation' : (own ?? base.task);
  const { labels, columns, cleaning, maxLength, ...file } = data;
  const { split, validation: _, test: __, parallel: ____, fewShot: _____, ...rest } = base.data;
  const { retention: ___, ...evaluate } = base.evaluate;
  return {
    ...base,
    task,
    data: {
      ...rest,
      split: { seed: split.seed, test: 0, validation: 0 },
      labels,
      columns,
      cleaning,
      maxLength,
      ...file,
    },
    privacy: { ...base.privacy, unit: 'record', publicSize: 'auto', delta: 'auto' },
    train,
    evaluate: { ...evaluate, baselines: [], slices: [], metrics: 'auto' },
    audit: { ...base.audit, canaries: 0 },
    ledger: 'none',
  };
}

/** @returns the model that the stage started from */
async function trainStage(config: Config, out: string, options: TrainOptions): Promise<StagePart['from']> {
  const { observer, world } = options;
  const quiet = { observer, nonPrivate: true, onPublicData: true, ...(world && { world }) };
  if (existsSync(join(out, 'release', 'metrics.json'))) {
    return baseOf((await readJson(join(out, 'release', 'plan.json'))) as JobPlan);
  }
  const run = existsSync(runDirectory(out).start)
    ? await resumeJob(out, quiet)
    : await trainOnModel(config, { ...quiet, out });
  await finishRun(run, quiet);
  return baseOf(run.plan);
}

function baseOf({ model: { reference, files } }: Pick<JobPlan, 'model'>): StagePart['from'] {
  return { reference, digest: digestOverFiles(files) };
}

async function partOf(
  { name, task, data, train }: Stage,
  config: Config,
  from: StagePart['from'],
): Promise<StagePart> {
  const { train: _, ...settings } = data;
  const { frozenWeights, ...trained } = train;
  return {
    name,
    task: task ?? config.task,
    from,
    data: await sha256File(data.train),
    settings: { data: settings, train: frozenWeights === 'float32' ? trained : train },
  };
}
