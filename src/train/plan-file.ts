import { readFile } from 'node:fs/promises';
import {
  canonicalHash,
  DataError,
  DriftError,
  InvalidParameterError,
  makePlan,
  planFromJson,
  diffValues,
  type DeclaredRead,
  type DpEvent,
  type LedgerDocument,
  type Plan,
} from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import { auditPartOf, type AuditPart } from './audit-part.ts';
import type { FileDigest } from '../formats/index.ts';
import type { Verbalizer } from '../models/index.ts';
import { verbalizerOf } from './label-words.ts';
import type { BaseModel } from './base-model.ts';
import { maxLengthFor } from './materials.ts';
import { createSchedule } from './schedules.ts';
import { settle, type Settings, type TrainingPhase } from './settings.ts';

/** The search that a run is a trial of: its choice among trials costs more than the trial itself. Public. */
export interface SearchPart {
  readonly method: 'private-selection' | 'charged';
  /** Every candidate's settings, as overrides of the job. */
  readonly candidates: readonly (readonly string[])[];
  /** How often candidates are tried: each once, or a secret random number of random ones. */
  readonly trials: 'each' | { readonly mean: number; readonly shape: number | 'poisson' };
  /** What the whole search releases. */
  readonly event: DpEvent;
  /** Certified upper bound of the whole search, at the plan's delta: what the released model may be said to cost. */
  readonly epsilon: number;
  /** SHA-256 of the canonical JSON of everything above. */
  readonly hash: string;
}

/** What a trial of a search is told. */
export interface TrialOf {
  readonly search: SearchPart;
  /** Proof that the whole search was paid for; absent where nobody counts or each trial pays for itself. */
  readonly ledger?: LedgerDocument;
}

/** A training on public data that the job's model went through before, without privacy. Public. */
export interface StagePart {
  readonly name: string;
  readonly task: Config['task'] | 'pretraining';
  /** The model that it started from: name, and SHA-256 over its files. */
  readonly from: { readonly reference: string; readonly digest: string };
  /** SHA-256 of the training file. */
  readonly data: string;
  /** The stage's settings, as the job gives them. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What a plan says of where its run comes from. */
export interface Provenance {
  readonly search?: SearchPart | undefined;
  readonly stages?: readonly StagePart[] | undefined;
}

/** plan.json: everything that a run will do, fixed before it starts. Public. */
export interface JobPlan {
  readonly format: 'dptune-plan/1';
  readonly model: {
    readonly reference: string;
    readonly files: readonly FileDigest[];
  };
  readonly task: Config['task'];
  readonly head: Settings['head'];
  /** The words that the language model answers by; of head `verbalizer` alone. */
  readonly verbalizer?: Verbalizer;
  readonly maxLength: number;
  /** Text that ends every prompt, for a model that learnt to complete them. */
  readonly separator?: string;
  /** Prompts are turns of a conversation, by the model's chat template. */
  readonly chat?: true;
  readonly seed: number;
  readonly average: number;
  /** Given where the linear maps that never train are held in 8 bits. */
  readonly frozenWeights?: 'int8';
  readonly training: readonly TrainingPhase[];
  /** Why the recipe chose what the job left to it. */
  readonly reasons: readonly string[];
  /** Where the public number of units comes from; `counted` treats the number found in the data as public. */
  readonly sizeSource: 'declared' | 'counted';
  /** Given where canaries join the training data, to audit the run with them. */
  readonly audit?: AuditPart;
  /** Given where the model learnt from public data before. */
  readonly stages?: readonly StagePart[];
  /** Given where the run is one trial of a search. */
  readonly search?: SearchPart;
  /** The guarantee. Its hash covers all of the above through `bindings`. */
  readonly privacy: Plan;
}

/** Stands first in every document of a run that is not private, so that its plan is not taken for its guarantee. */
export const notPrivate = { notPrivate: true } as const;

/**
 * The plan of a job on a model.
 * @param units - number of privacy units, declared or counted
 */
export async function planJob(
  config: Config,
  model: BaseModel,
  units: number,
  { search, stages }: Provenance = {},
): Promise<JobPlan> {
  const settings = await settle(config, units);
  const audit = await auditPartOf(config, settings.privacy);
  const maxLength = maxLengthFor(config, model);
  const verbalizer = verbalizerOf(config, model, maxLength);
  const body = {
    format: 'dptune-plan/1',
    model: { reference: model.reference, files: await model.directory.digests() },
    task: config.task,
    head: headFor(config, settings, model),
    ...(verbalizer && { verbalizer }),
    maxLength,
    ...(config.task === 'generation' && config.data.columns.completion !== undefined
      ? config.data.chat
        ? { chat: true as const }
        : { separator: config.data.separator }
      : {}),
    seed: config.seed,
    average: config.train.average,
    ...(config.train.frozenWeights === 'int8' && { frozenWeights: 'int8' as const }),
    training: settings.training,
    reasons: settings.reasons,
    sizeSource: config.privacy.publicSize === 'auto' && !settings.privacy.selection ? 'counted' : 'declared',
    ...(audit && { audit }),
    ...(stages && { stages }),
    ...(search && { search }),
  } as const;
  const privacy = makePlan({ ...settings.privacy, reads: privateReads, bindings: bindingsOf(body) });
  // A schedule that cannot be followed to its end is refused now, before any budget is spent.
  for (const [index, { schedule, learningRate }] of settings.training.entries()) {
    await createSchedule(schedule, { steps: privacy.phases[index]!.steps, learningRate });
  }
  return { ...body, privacy };
}

/**
 * Where the job leaves it open, a head that the model can be exported with: of encoders the mean where there is one, of decoders
 * that classify the last token; of words each its own.
 * @throws InvalidParameterError for the label words of a checkpoint, whose template the job must give itself
 */
function headFor({ task, train }: Config, { head }: Settings, { architecture }: BaseModel): Settings['head'] {
  const { family, encoder, ownHead } = architecture;
  if (head === 'checkpoint' && ownHead?.verbalizer) {
    const { template, words } = ownHead.verbalizer;
    const given = Object.fromEntries(words.map(({ label, word }) => [label, word]));
    throw new InvalidParameterError(
      `train.head=checkpoint: this checkpoint answers by label words. Give train.head: verbalizer and train.verbalizer: ${JSON.stringify({ template, words: given })}.`,
    );
  }
  if (train.head !== 'auto' || task === 'generation') return head;
  if (task === 'token-classification') return 'token';
  if (family === 'decoder') return 'last-token';
  return encoder === undefined ? 'pooler' : head;
}

/** What a run reads of the private data beside the noisy sums. Nothing of it leaves `private/`. */
const privateReads: readonly DeclaredRead[] = [
  {
    name: 'conformance',
    purpose: 'gradients of a few units, to see before training that clipping and counting hold for them',
    disposition: 'private',
  },
  {
    name: 'data report',
    purpose: 'counts and lengths of the training data, for its owner',
    disposition: 'private',
  },
  {
    name: 'step diagnostics',
    purpose: 'losses, gradient norms and batch sizes by step, for the owner',
    disposition: 'private',
  },
];

/** What ties the privacy plan to the rest: change one and its hash changes. */
function bindingsOf(body: Omit<JobPlan, 'privacy'>): Record<string, string> {
  const { model, reasons: _, ...training } = body;
  return {
    model: canonicalHash(model.files),
    training: canonicalHash(training),
  };
}

/**
 * Reads a plan.json and checks that it holds together.
 * @throws DriftError where it was changed by hand
 */
export async function readPlanFile(path: string): Promise<JobPlan> {
  return jobPlanFrom(await readJson(path));
}

/** @throws DriftError unless the plan's parts agree with each other */
export function jobPlanFrom(json: unknown): JobPlan {
  const { notPrivate: _, ...stored } = (json ?? {}) as JobPlan & Partial<typeof notPrivate>;
  if (stored.format !== 'dptune-plan/1') {
    throw new DriftError('plan.json: not a plan of this version of dptune. Make it anew with dptune plan.');
  }
  const privacy = planFromJson(stored.privacy);
  const { privacy: __, ...body } = stored;
  const expected = bindingsOf(body);
  const broken = Object.keys(expected).filter((name) => privacy.bindings[name] !== expected[name]);
  if (broken.length > 0) {
    throw new DriftError(
      `plan.json: ${broken.join(' and ')} settings were changed after it was made. Make it anew with dptune plan.`,
    );
  }
  return { ...body, privacy };
}

/** @throws DriftError naming every field in which what would run now is not what was agreed on (G26) */
export function requireSameJobPlan(agreed: JobPlan, now: JobPlan): void {
  if (agreed.privacy.hash === now.privacy.hash) return;
  const follows = /^(reasons|privacy\.(hash|bindings|accountant|event))\b/;
  const found = diffValues(agreed, now).filter(({ field }) => !follows.test(field));
  const lines = found.map(({ field, before, after }) => `  ${field}: ${show(before)} -> ${show(after)}`);
  throw new DriftError(
    `plan: what would run is not what was planned. Restore the job and the model, or make a new plan:\n${lines.join('\n')}`,
  );
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? 'absent';
}

export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    throw new DataError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
