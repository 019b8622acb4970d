import { normalize } from 'node:path';
import { DATA_CHECKS } from './data-checks.ts';
import type { Path, Problem } from './document.ts';
import { frozenEngineCheck, frozenMethodCheck } from './frozen-checks.ts';
import { MECHANISM_CHECKS, optimizerMechanismCheck } from './mechanism-checks.ts';
import { POPULATION_CHECKS } from './population-checks.ts';
import { LABEL_WORD_CHECKS } from './label-words.ts';
import { schemaAt, type SchemaNode } from './schema-node.ts';
import { jobSchema } from './schema.ts';
import { STAGE_CHECKS } from './stage-checks.ts';
import { TASK_CHECKS } from './task-checks.ts';

/** Looks up a setting by its dotted path; undefined where it is absent. */
export type Lookup = (path: string) => unknown;

/** A rule over several settings. It reads them as unknown values, so it also runs on a job with other errors. */
export interface Check {
  /** What it reads. The first is where the problem is reported; a fault in any of them silences the rule. */
  readonly paths: readonly string[];
  /** @returns what is wrong and the remedy, or undefined */
  readonly problem: (setting: Lookup, written: Lookup) => string | undefined;
}

/**
 * A setting that only some value of another one makes use of: given with others it would be silently ignored. Its default
 * may always stand, as it does in the file that `dptune init` writes.
 */
function only(path: string, other: string, ...values: readonly [string, ...string[]]): Check {
  return {
    paths: [path, other],
    problem: (setting, written) =>
      isDefault(written(path), schemaAt(jobSchema, pathOf(path))) || values.includes(String(setting(other)))
        ? undefined
        : `has no effect with ${other}=${named(setting(other))}; remove it, or set ${other}: ${values[0]}`,
  };
}

function isDefault(value: unknown, node: SchemaNode | undefined): boolean {
  if (value === undefined) return true;
  if (node?.properties && typeof value === 'object' && value !== null) {
    return Object.entries(value).every(([key, part]) => isDefault(part, node.properties?.[key]));
  }
  return JSON.stringify(value) === JSON.stringify(node?.default);
}

/** A setting without a default that one value of another one needs. */
function neededBy(path: string, other: string, value: string, example: string): Check {
  return {
    paths: [path, other],
    problem: (setting) =>
      setting(other) === value && setting(path) === undefined
        ? `missing; ${other}=${value} needs it, such as ${example}`
        : undefined,
  };
}

/** A setting that means nothing without another one. */
function together(path: string, other: string): Check {
  return {
    paths: [path, other],
    problem: (setting) =>
      setting(path) !== undefined && setting(other) === undefined ? `needs ${other}; give both` : undefined,
  };
}

/** A decision taken during training may look at public data only (G28). */
function needsPublicValidation(path: string, decides: (value: unknown) => boolean): Check {
  return {
    paths: [path, 'data.validation'],
    problem: (setting) => {
      if (!decides(setting(path)) || setting('data.validation.public') === true) return undefined;
      const given =
        setting('data.validation') === undefined ? 'there is none' : 'data.validation is not declared public';
      return (
        `decides on validation data, which must be public, and ${given}; ` +
        'give data.validation: {path: FILE, public: true} if nobody in it needs protection, or remove this'
      );
    },
  };
}

function named(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function conflict(path: string, file: string): Check {
  return {
    paths: [path, file],
    problem: (setting) =>
      Number(setting(path)) > 0 && setting(file) !== undefined
        ? `given together with ${file}; remove one of them`
        : undefined,
  };
}

/** A file that plays another part cannot be the private one that is trained on. */
function notTheTrainingFile(path: string, why: string): Check {
  return {
    paths: [path, 'data.train'],
    problem: (setting) => {
      const file = setting(`${path}.path`) ?? setting(path);
      const [own, train] = [file, setting('data.train')].map((name) => normalize(String(name)));
      return own === train ? `=${String(file)}, is data.train; ${why}` : undefined;
    },
  };
}

function stepsOrEpochs(owner: string): Check {
  const [steps, epochs] = [`${owner}.steps`, `${owner}.epochs`];
  return {
    paths: [steps, epochs],
    problem: (_, written) =>
      typeof written(steps) === 'number' && typeof written(epochs) === 'number'
        ? `given together with ${epochs}=${written(epochs) as number}; the number of steps follows from one of them, remove the other`
        : undefined,
  };
}

/** Rules on the settings of one phase, or of `train` where there are no phases. */
function settingChecks(owner: string, clipping: string): readonly Check[] {
  const own = (name: string) => `${owner}.${name}`;
  const adaptive = ['adam', 'adamw', 'dp-adam-bc', 'auto'] as const;
  return [
    neededBy(own('layers'), own('method'), 'last', 'layers: 2'),
    only(own('layers'), own('method'), 'last'),
    {
      paths: [own('method'), 'task'],
      problem: (setting) =>
        setting(own('method')) === 'head' && setting('task') === 'generation'
          ? '=head, but a language model has no head of its own; choose lora, full, bitfit or last'
          : undefined,
    },
    frozenMethodCheck(own('method')),
    only(own('lora'), own('method'), 'lora', 'auto'),
    neededBy(own('schedule.expression'), own('schedule.kind'), 'expression', 'expression: 1 - step/steps'),
    only(own('schedule.expression'), own('schedule.kind'), 'expression'),
    only(own('schedule.factor'), own('schedule.kind'), 'plateau'),
    only(own('schedule.patience'), own('schedule.kind'), 'plateau'),
    needsPublicValidation(own('schedule.kind'), (kind) => kind === 'plateau'),
    only(own('optimizer.momentum'), own('optimizer.kind'), 'sgd'),
    only(own('optimizer.betas'), own('optimizer.kind'), ...adaptive),
    only(own('optimizer.epsilon'), own('optimizer.kind'), ...adaptive),
    optimizerMechanismCheck(owner),
    only(`${clipping}.gamma`, `${clipping}.kind`, 'automatic', 'auto'),
  ];
}

const JOB_CHECKS: readonly Check[] = [
  {
    paths: ['privacy', 'privacy.epsilon', 'privacy.noiseMultiplier'],
    problem: (setting) => {
      const given = [setting('privacy.epsilon'), setting('privacy.noiseMultiplier')].filter(
        (value) => value !== undefined,
      );
      if (given.length === 1) return undefined;
      const what =
        given.length === 0
          ? 'neither epsilon nor noiseMultiplier is'
          : 'both epsilon and noiseMultiplier are';
      return `${what} given; give epsilon, and the noise is calibrated to it, or noiseMultiplier, and epsilon is reported`;
    },
  },
  {
    paths: ['privacy.unit', 'data.columns.unit'],
    problem: (setting, written) => {
      const [unit, column] = [setting('privacy.unit'), setting('data.columns.unit')];
      if (unit === 'user' && column === undefined)
        return 'needs data.columns.unit, the column that names the user of a record';
      if (column === undefined || written('privacy.unit') !== undefined) return undefined;
      return `is not given, and record would not protect the users that data.columns.unit=${named(column)} names; give privacy.unit: user, or record if that is meant`;
    },
  },
  ...LABEL_WORD_CHECKS,
  ...POPULATION_CHECKS,
  ...MECHANISM_CHECKS,
  frozenEngineCheck,
  ...STAGE_CHECKS,
  ...TASK_CHECKS,
  notTheTrainingFile('data.validation', 'private data cannot guide training, give another file'),
  notTheTrainingFile('evaluate.retention', 'give a public text'),
  notTheTrainingFile('audit.source', 'a copied record would be protected less, give a public file'),
  neededBy('audit.source', 'audit.design', 'mislabelled', 'source: public.csv'),
  only('audit.source', 'audit.design', 'mislabelled', 'auto'),
  notTheTrainingFile(
    'data.test',
    'what a model was trained on says nothing about it, give another file or data.split.test',
  ),
  conflict('data.split.test', 'data.test'),
  conflict('data.split.validation', 'data.validation'),
  ...DATA_CHECKS,
  {
    paths: ['data.split', 'data.split.test', 'data.split.validation'],
    problem: (setting) => {
      const held = Number(setting('data.split.test')) + Number(setting('data.split.validation'));
      return held >= 1
        ? `test + validation=${held}, must be below 1, or nothing is left to train on`
        : undefined;
    },
  },
  only('data.delimiter', 'data.format', 'csv', 'tsv', 'auto'),
  only('data.header', 'data.format', 'csv', 'tsv', 'auto'),
  only('data.quote', 'data.format', 'csv', 'tsv', 'auto'),
  only('data.labels', 'task', 'classification', 'multi-label', 'token-classification'),
  only('data.columns.label', 'task', 'classification', 'multi-label', 'regression'),
  only('data.columns.textPair', 'task', 'classification', 'multi-label', 'regression'),
  only('train.head', 'task', 'classification', 'multi-label', 'regression', 'token-classification'),
  only('data.columns.tokens', 'task', 'token-classification'),
  only('data.columns.tags', 'task', 'token-classification'),
  only('data.columns.prompt', 'task', 'generation'),
  only('data.columns.completion', 'task', 'generation'),
  only('data.separator', 'task', 'generation'),
  only('data.separator', 'data.chat', 'false'),
  {
    paths: ['data.chat', 'data.columns.completion'],
    problem: (setting) =>
      setting('data.chat') === true && setting('data.columns.completion') === undefined
        ? 'needs data.columns.prompt and data.columns.completion, the two turns; give both'
        : undefined,
  },
  together('data.columns.prompt', 'data.columns.completion'),
  together('data.columns.completion', 'data.columns.prompt'),
  {
    paths: ['evaluate.slices', 'data.test', 'data.split.test', 'data.split.column'],
    problem: (setting, written) =>
      isDefault(written('evaluate.slices'), schemaAt(jobSchema, ['evaluate', 'slices'])) ||
      (setting('data.test') ?? setting('data.split.column')) !== undefined ||
      Number(setting('data.split.test')) > 0
        ? undefined
        : 'has no effect without test data; give data.test or data.split.test, or remove it',
  },
  {
    paths: ['evaluate.everySteps', 'data.validation'],
    problem: (setting) =>
      setting('evaluate.everySteps') === 'auto' || setting('data.validation.public') === true
        ? undefined
        : 'has no effect without public validation data; give data.validation: {path: FILE, public: true}, or remove it',
  },
  needsPublicValidation('train.earlyStopping', (value) => value !== undefined),
  needsPublicValidation('train.keepBest', (value) => value === true),
  stepsOrEpochs('train'),
  {
    paths: ['train.phases', 'privacy.noiseMultiplier'],
    problem: (setting) =>
      phasesProblem(setting('train.phases'), setting('privacy.noiseMultiplier') !== undefined),
  },
];

function phasesProblem(phases: unknown, noiseIsGiven: boolean): string | undefined {
  if (!Array.isArray(phases)) return undefined;
  const names = phases.map((phase: { name?: unknown }) => String(phase.name));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) return `name=${twice} occurs twice; give each phase a name of its own`;
  const shares = phases
    .map((phase: { share?: number }) => phase.share)
    .filter((share) => share !== undefined);
  if (shares.length === 0) return undefined;
  if (noiseIsGiven)
    return 'share has no effect with privacy.noiseMultiplier, which every phase uses; remove the shares';
  if (shares.length < phases.length)
    return 'some phases give a share and some do not; give all of them or none';
  const total = shares.reduce((sum, share) => sum + share, 0);
  return Math.abs(total - 1) > 1e-9 ? `the shares add up to ${total}, must be 1` : undefined;
}

/**
 * Rules that no schema can say: settings that contradict each other, that have no effect, or that would let private
 * data decide.
 * @param setting - looks up with defaults filled in
 * @param written - looks up what was written
 * @param faulty - paths that the schema already refused
 */
export function crossChecks(setting: Lookup, written: Lookup, faulty: readonly string[]): Problem[] {
  const phases = written('train.phases');
  const owners = Array.isArray(phases) ? phases.map((_, i) => `train.phases.${i}`) : [];
  const checks = [
    ...JOB_CHECKS,
    ...owners.flatMap((owner) => [stepsOrEpochs(owner), ...settingChecks(owner, `${owner}.clipping`)]),
    ...(owners.length > 0 ? [] : settingChecks('train', 'privacy.clipping')),
  ];
  const silenced = ({ paths }: Check) =>
    paths.some((path) => faulty.some((bad) => path === bad || path.startsWith(`${bad}.`)));
  return checks.flatMap((check) => {
    const message = silenced(check) ? undefined : check.problem(inheriting(setting), written);
    return message === undefined ? [] : [{ path: pathOf(check.paths[0]!), message }];
  });
}

/** A phase takes from `train` and `privacy.clipping` what it does not give. */
function inheriting(setting: Lookup): Lookup {
  return (path) => {
    const inherited = path
      .replace(/^train\.phases\.\d+\.clipping\b/, 'privacy.clipping')
      .replace(/^train\.phases\.\d+\b/, 'train');
    return setting(path) ?? setting(inherited);
  };
}

export function pathOf(dotted: string): Path {
  return dotted.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
