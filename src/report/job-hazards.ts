import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { declaredLabels, splitsTest, type Config } from '../config/index.ts';

/** Something in a job that may weaken what its report can say. */
export interface JobHazard {
  /** A hazard is worth a change of the job; a note is worth knowing. */
  readonly kind: 'hazard' | 'note';
  readonly setting: string;
  /** What it means, and the remedy. */
  readonly text: string;
  /** In NIST SP 800-226: H1 to H18, or utility. */
  readonly hazard: string;
}

type Rule = (config: Config) => Omit<JobHazard, 'kind'> | undefined;

/** From here on a failure of the guarantee is likely to hit somebody. */
const expectedFailures = 0.1;
/** Above this, the bound alone protects little against the worst attacker. */
const largeEpsilon = 10;

const hazards: readonly Rule[] = [
  ({ privacy: { epsilon } }) =>
    epsilon !== undefined && epsilon > largeEpsilon
      ? {
          setting: `privacy.epsilon=${epsilon}`,
          hazard: 'H9',
          text: 'leaves the worst attacker nearly certain. Below 10, better below 3, it bounds what can be found; an audit shows more.',
        }
      : undefined,
  ({ privacy: { delta, publicSize } }) =>
    typeof delta === 'number' && typeof publicSize === 'number' && delta * publicSize > expectedFailures
      ? {
          setting: `privacy.delta=${delta}`,
          hazard: 'H6',
          text: `with ${publicSize} units, ${Number((delta * publicSize).toPrecision(2))} failures are to be expected. Leave it out: auto takes 1/n^1.1 or less.`,
        }
      : undefined,
  ({ privacy: { publicSize }, data: { fewShot } }) =>
    publicSize === 'auto' && fewShot === undefined
      ? {
          setting: 'privacy.publicSize=auto',
          hazard: 'H14',
          text: 'counts the private data and publishes the count. Give a number that everyone may know.',
        }
      : undefined,
  ({ task, data, train }) =>
    declaredLabels({ data, train }) === undefined && task !== 'regression' && task !== 'generation'
      ? {
          setting: 'data.labels=auto',
          hazard: 'H7',
          text: 'collects the names from private data and publishes them. Declare them.',
        }
      : undefined,
  ({ ledger }) =>
    ledger === 'none'
      ? {
          setting: 'ledger=none',
          hazard: 'H7',
          text: 'nobody counts what other runs on the same people cost. Open a budget with dptune budget init, and name it here.',
        }
      : undefined,
  ({ model }) => {
    const configuration = join(model, 'config.json');
    if (!existsSync(configuration)) return undefined;
    const { not_private: stamped } = JSON.parse(readFileSync(configuration, 'utf8')) as {
      not_private?: unknown;
    };
    return stamped === true
      ? {
          setting: `model=${model}`,
          hazard: 'H7',
          text: 'was fine-tuned without privacy. What it remembers of its data is in every model made from it. Start from its base.',
        }
      : undefined;
  },
  ({ model }) =>
    existsSync(join(dirname(model), 'plan.json'))
      ? {
          setting: `model=${model}`,
          hazard: 'H7',
          text: 'was itself fine-tuned with dptune. If it learnt from the same people, both epsilons add up: charge both jobs to one ledger scope.',
        }
      : undefined,
  ({ data: { train } }) =>
    existsSync(train) && (statSync(train).mode & 0o004) !== 0 && process.platform !== 'win32'
      ? {
          setting: `data.train=${train}`,
          hazard: 'H17',
          text: 'can be read by everyone on this machine. chmod o-r takes that away.',
        }
      : undefined,
];

const notes: readonly Rule[] = [
  ({ privacy: { unit } }) =>
    unit === 'record'
      ? {
          setting: 'privacy.unit=record',
          hazard: 'H3',
          text: 'protects one record, not the person behind several. If people may have more than one, name their column and use unit: user.',
        }
      : undefined,
  ({ data: { split } }) =>
    splitsTest(split)
      ? {
          setting: split.column === undefined ? 'data.split.test' : 'data.split.column',
          hazard: 'H7',
          text: 'the test units are private, and their figures are published without noise. Public test data avoids that.',
        }
      : undefined,
  ({ data: { validation, split } }) =>
    (validation && !validation.public) || split.validation > 0
      ? {
          setting: 'data.validation',
          hazard: 'H7',
          text: 'is private: it is reported in private/ only and guides nothing. Choosing settings by it costs privacy that nobody counts; dptune tune pays for it.',
        }
      : undefined,
  ({ data: { test, split } }) =>
    test === undefined && !splitsTest(split)
      ? {
          setting: 'data.test',
          hazard: 'utility',
          text: 'is missing, so the report says nothing of how well the model works.',
        }
      : undefined,
  ({ evaluate: { slices } }) =>
    slices.length > 0
      ? {
          setting: `evaluate.slices=[${slices.join(', ')}]`,
          hazard: 'H7',
          text: 'publishes figures for each value. A value that few test records have says much about each of them.',
        }
      : undefined,
  ({ evaluate: { baselines } }) =>
    baselines.includes('non-private')
      ? {
          setting: 'evaluate.baselines',
          hazard: 'H7',
          text: 'a twin without privacy is trained for comparison. It stays in private/; nothing of it may be published.',
        }
      : undefined,
  ({ task }) =>
    task === 'generation'
      ? {
          setting: 'task=generation',
          hazard: 'H12',
          text: 'a model that writes may repeat what many units have in common, and what is said of people in the texts of others. Neither is bounded by the guarantee.',
        }
      : undefined,
  ({ audit }) =>
    audit.canaries === 0
      ? {
          setting: 'audit.canaries=0',
          hazard: 'H8',
          text: 'nothing is tried that could find a violation after training. A few hundred canaries cost little accuracy.',
        }
      : undefined,
];

/** What to think about before a job trains. It looks at the job and at names and permissions of files, at no data. */
export function jobHazards(config: Config): JobHazard[] {
  const found = (rules: readonly Rule[], kind: JobHazard['kind']): JobHazard[] =>
    rules.flatMap((rule) => {
      const hazard = rule(config);
      return hazard ? [{ kind, ...hazard }] : [];
    });
  return [...found(hazards, 'hazard'), ...found(notes, 'note')];
}
