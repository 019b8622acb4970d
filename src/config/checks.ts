import type { Path, Problem } from './document.ts';

/** Looks up a setting by its dotted path; undefined where it is absent. */
export type Lookup = (path: string) => unknown;

/** A rule over several settings. It reads them as unknown values, so it also runs on a job with other errors. */
interface Check {
  /** What it reads. The first is where the problem is reported; a fault in any of them silences the rule. */
  readonly paths: readonly string[];
  /** @returns what is wrong and the remedy, or undefined */
  readonly problem: (setting: Lookup, written: Lookup) => string | undefined;
}

/** A setting that only some value of another one makes use of: given elsewhere it would be silently ignored. */
function only(path: string, other: string, ...values: readonly string[]): Check {
  return {
    paths: [path, other],
    problem: (setting, written) =>
      written(path) === undefined || values.includes(String(setting(other)))
        ? undefined
        : `has no effect with ${other}=${setting(other)}; remove it, or set ${other}: ${values[0]}`,
  };
}

const ADAPTIVE = ['adam', 'adamw', 'dp-adam-bc', 'auto'];

/** Rules on training settings, which hold for `train` and for each of its phases. */
function settingChecks(prefix: string, clipping: string): readonly Check[] {
  const own = (name: string) => `${prefix}.${name}`;
  return [
    {
      paths: [own('steps'), own('epochs')],
      problem: (_, written) =>
        isNumber(written(own('steps'))) && isNumber(written(own('epochs')))
          ? `given together with ${own('epochs')}=${written(own('epochs'))}; the number of steps follows from one of them, remove the other`
          : undefined,
    },
    {
      paths: [own('layers'), own('method')],
      problem: (setting) => {
        const [layers, last] = [setting(own('layers')), setting(own('method')) === 'last'];
        if (last && layers === undefined) return `missing; ${own('method')}=last needs the number of layers, such as layers: 2`;
        if (last || layers === undefined) return undefined;
        return `has no effect with ${own('method')}=${setting(own('method'))}; remove it, or set ${own('method')}: last`;
      },
    },
    only(own('lora'), own('method'), 'lora', 'auto'),
    {
      paths: [own('schedule.expression'), own('schedule.kind')],
      problem: (setting) => {
        const expression = setting(own('schedule.expression'));
        const wanted = setting(own('schedule.kind')) === 'expression';
        if (wanted && expression === undefined) return 'missing; schedule.kind=expression needs it, such as expression: 1 - step/steps';
        if (wanted || expression === undefined) return undefined;
        return `has no effect with schedule.kind=${setting(own('schedule.kind'))}; remove it, or set schedule.kind: expression`;
      },
    },
    only(own('schedule.factor'), own('schedule.kind'), 'plateau'),
    only(own('schedule.patience'), own('schedule.kind'), 'plateau'),
    only(own('optimizer.momentum'), own('optimizer.kind'), 'sgd'),
    only(own('optimizer.betas'), own('optimizer.kind'), ...ADAPTIVE),
    only(own('optimizer.epsilon'), own('optimizer.kind'), ...ADAPTIVE),
    only(`${clipping}.gamma`, `${clipping}.kind`, 'automatic', 'auto'),
    needsPublicValidation(own('schedule.kind'), (value) => value === 'plateau'),
  ];
}

/** A decision taken during training may look at public data only (G28). */
function needsPublicValidation(path: string, decides: (value: unknown) => boolean): Check {
  return {
    paths: [path, 'data.validation'],
    problem: (setting) => {
      if (!decides(setting(path)) || setting('data.validation.public') === true) return undefined;
      const given = setting('data.validation') === undefined ? 'there is none' : 'data.validation is not declared public';
      return (
        `decides on validation data, which must be public, and ${given}; ` +
        'give data.validation: {path: FILE, public: true} if nobody in it needs protection, or remove this'
      );
    },
  };
}

const JOB_CHECKS: readonly Check[] = [
  {
    paths: ['privacy', 'privacy.epsilon', 'privacy.noiseMultiplier'],
    problem: (setting) => {
      const given = ['epsilon', 'noiseMultiplier'].filter((key) => setting(`privacy.${key}`) !== undefined);
      if (given.length === 1) return undefined;
      const remedy = 'give epsilon, and the noise is calibrated to it, or noiseMultiplier, and epsilon is reported';
      return given.length === 0 ? `neither epsilon nor noiseMultiplier is given; ${remedy}` : `both epsilon and noiseMultiplier are given; ${remedy}`;
    },
  },
  {
    paths: ['privacy.unit', 'data.columns.unit'],
    problem: (setting) => {
      const [unit, column] = [setting('privacy.unit'), setting('data.columns.unit')];
      if (unit === 'user' && column === undefined) return 'needs data.columns.unit, the column that names the user of a record';
      if (unit !== 'record' || column === undefined) return undefined;
      return `does not protect users, yet data.columns.unit=${column} names them; set privacy.unit: user, or remove data.columns.unit`;
    },
  },
  {
    paths: ['privacy.maxRecordsPerUser', 'privacy.unit'],
    problem: (setting) => {
      const [most, user] = [setting('privacy.maxRecordsPerUser'), setting('privacy.unit') === 'user'];
      if (user && most === undefined) return 'missing; privacy.unit=user needs a public bound on the records of a user, such as maxRecordsPerUser: 8';
      return user || most === undefined ? undefined : 'has no effect with privacy.unit=record; remove it, or set privacy.unit: user';
    },
  },
  {
    paths: ['data.split.test', 'data.test'],
    problem: (setting) => conflict(setting, 'data.split.test', 'data.test'),
  },
  {
    paths: ['data.split.validation', 'data.validation'],
    problem: (setting) => conflict(setting, 'data.split.validation', 'data.validation'),
  },
  {
    paths: ['data.split', 'data.split.test', 'data.split.validation'],
    problem: (setting) => {
      const held = Number(setting('data.split.test')) + Number(setting('data.split.validation'));
      return held >= 1 ? `test + validation=${held}, must be below 1, or nothing is left to train on` : undefined;
    },
  },
  {
    paths: ['data.delimiter', 'data.format'],
    problem: (setting) =>
      setting('data.delimiter') !== 'auto' && ['jsonl', 'parquet'].includes(String(setting('data.format')))
        ? `has no effect with data.format=${setting('data.format')}; remove it`
        : undefined,
  },
  {
    paths: ['data.labels', 'task'],
    problem: (setting) =>
      setting('task') === 'regression' && setting('data.labels') !== 'auto' ? 'has no meaning for task=regression; remove it' : undefined,
  },
  needsPublicValidation('train.earlyStopping', (value) => value !== undefined),
  needsPublicValidation('train.keepBest', (value) => value === true),
  ...settingChecks('train', 'privacy.clipping'),
  {
    paths: ['train.phases'],
    problem: (setting) => phasesProblem(setting('train.phases')),
  },
];

function conflict(setting: Lookup, share: string, file: string): string | undefined {
  const both = Number(setting(share)) > 0 && setting(file) !== undefined;
  return both ? `given together with ${file}; remove one of them` : undefined;
}

function phasesProblem(phases: unknown): string | undefined {
  if (!Array.isArray(phases)) return undefined;
  const names = phases.map((phase: { name?: unknown }) => String(phase.name));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) return `name=${twice} occurs twice; give each phase a name of its own`;
  const shares = phases.map((phase: { share?: unknown }) => phase.share).filter(isNumber);
  if (shares.length === 0) return undefined;
  if (shares.length < phases.length) return 'some phases give a share and some do not; give all of them or none';
  const total = shares.reduce((sum, share) => sum + share, 0);
  return Math.abs(total - 1) > 1e-9 ? `the shares add up to ${total}, must be 1` : undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/**
 * Rules that no schema can say: settings that contradict each other, have no effect, or would let private data decide.
 * @param setting - looks up with defaults filled in
 * @param written - looks up what was written
 * @param faulty - paths that the schema already refused
 */
export function crossChecks(setting: Lookup, written: Lookup, faulty: readonly string[]): Problem[] {
  const phases = written('train.phases');
  const checks = [...JOB_CHECKS];
  for (const i of Array.isArray(phases) ? phases.keys() : []) {
    checks.push(...settingChecks(`train.phases.${i}`, `train.phases.${i}.clipping`));
  }
  const silenced = (check: Check) => check.paths.some((path) => faulty.some((bad) => path === bad || path.startsWith(`${bad}.`)));
  return checks
    .filter((check) => !silenced(check))
    .flatMap((check) => {
      const message = check.problem(inherited(setting), inherited(written));
      return message === undefined ? [] : [{ path: pathOf(check.paths[0]!), message }];
    });
}

/** Phases take from `train` and `privacy.clipping` what they do not give, so that rules see what will hold. */
function inherited(lookup: Lookup): Lookup {
  return (path) => lookup(path);
}

export function pathOf(dotted: string): Path {
  return dotted === '' ? [] : dotted.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
