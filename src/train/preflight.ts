import { existsSync, readFileSync } from 'node:fs';
import { DataError, InvalidParameterError } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { isJsonObject } from '../formats/index.ts';
import { privateGradient } from '../graph/index.ts';
import { outputsFor } from './evaluation.ts';
import { jobFrozenBase, jobNetwork, type ReadyJob } from './job-session.ts';
import type { BaseModel } from './base-model.ts';
import { labelCountOf, labelNamesOf, type Stores } from './materials.ts';
import { measure, scored } from './measure.ts';
import type { JobPlan } from './plan-file.ts';
import { adaptersIn, trainableIn } from './trainable.ts';

/**
 * Refuses, before anything is spent or written, a job that could not be trained, evaluated or released in the end: a
 * parameter that no rule clips (G4), an unknown metric, a public text that cannot be read.
 * @throws InvalidParameterError or DataError that names what is wrong
 */
export function checkBeforeTraining(config: Config, plan: JobPlan, model: BaseModel, stores: Stores): void {
  checkTags(config, plan, model, stores);
  checkGradients({ config, plan, model, stores });
  checkEvaluation(config, stores);
  const { retention } = config.evaluate;
  if (retention !== undefined) readPublicText(retention);
}

/** A checkpoint's own head has its tags in an order; in another one every answer would be wrong. */
function checkTags({ task }: Config, { head }: JobPlan, model: BaseModel, { train }: Stores): void {
  const named = model.directory.config['id2label'];
  if (task !== 'token-classification' || head !== 'checkpoint' || !isJsonObject(named)) return;
  const own = Object.keys(named).map((_, index) => JSON.stringify(named[index]));
  const labels = labelNamesOf(train)!.map((name) => JSON.stringify(name));
  if (own.join() === labels.join()) return;
  throw new InvalidParameterError(
    `data.labels=[${labels.join(', ')}]: must be those of the checkpoint whose head goes on, in its order: [${own.join(', ')}]. Give these, or train.head: auto.`,
  );
}

function checkGradients(job: ReadyJob): void {
  const { plan, model } = job;
  const base = jobFrozenBase(job);
  for (const [index, { method, layers, dropout }] of plan.training.entries()) {
    const { clipping } = plan.privacy.phases[index]!;
    const lora = adaptersIn(plan, index, model);
    const network = jobNetwork(job, { dropout, ...(lora && { lora }), int8: base?.int8 });
    const trainable = trainableIn(network, { method, layers });
    privateGradient({
      network: network.graph,
      loss: 'loss',
      trainable,
      clipping,
      ...(plan.privacy.unit.kind === 'user' && { recordsPerUnit: 'perUnit' }),
      sizes: { tokens: plan.maxLength, perUnit: 1 },
    });
  }
}

/** Evaluates outputs of all zeros, to find a metric that the task does not have. */
function checkEvaluation(config: Config, { train, test, validation, validationIsPublic }: Stores): void {
  const quick = { ...config, evaluate: { ...config.evaluate, bootstrap: 0 } };
  const width = labelCountOf(train);
  if (test) measure(test, outputsFor(test, width), quick);
  if (validation && validationIsPublic) {
    scored(validation, outputsFor(validation, width), quick);
  }
}

/**
 * The documents of the public text for retention, one a line.
 * @throws DataError where there are none
 */
export function readPublicText(path: string): string[] {
  if (!existsSync(path)) {
    throw new InvalidParameterError(`evaluate.retention=${path}: there is no such file. Name a public text.`);
  }
  const lines = readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  if (lines.length === 0)
    throw new DataError(`evaluate.retention=${path}: has no text. Give one document a line.`);
  return lines;
}
