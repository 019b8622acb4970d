import type { Check, Lookup } from './checks.ts';
import { labelsIn } from './label-words.ts';

/** Rules on which units take part: a few of each class, or so many records of each user. */
export const POPULATION_CHECKS: readonly Check[] = [
  {
    paths: [
      'data.fewShot',
      'task',
      'data.labels',
      'train.head',
      'train.verbalizer',
      'privacy.unit',
      'privacy.relation',
      'privacy.publicSize',
    ],
    problem: (setting) => (setting('data.fewShot') === undefined ? undefined : fewShotProblem(setting)),
  },
  {
    paths: ['privacy.maxRecordsPerUser', 'privacy.unit'],
    problem: (setting, written) =>
      [undefined, 'auto'].includes(written('privacy.maxRecordsPerUser') as string | undefined)
        ? undefined
        : withoutUser(setting),
  },
  {
    paths: ['privacy.typicalRecordsPerUser', 'privacy.unit', 'privacy.maxRecordsPerUser'],
    problem: (setting) => {
      if (setting('privacy.typicalRecordsPerUser') === undefined) return undefined;
      const given = setting('privacy.maxRecordsPerUser');
      return (
        withoutUser(setting) ??
        (given === 'auto'
          ? undefined
          : `has no effect with privacy.maxRecordsPerUser=${String(given)}; remove one of them`)
      );
    },
  },
];

function withoutUser(setting: Lookup): string | undefined {
  const unit = setting('privacy.unit');
  return unit === 'user'
    ? undefined
    : `has no effect with privacy.unit=${String(unit)}; remove it, or set privacy.unit: user`;
}

/** What a selection by rank needs, so that one record of the file replaces at most one of the selected. */
function fewShotProblem(setting: Lookup): string | undefined {
  const [task, labels] = [setting('task'), labelsIn(setting)];
  if (task !== 'classification' && task !== 'pair') {
    return `has no effect with task=${String(task)}, which has no classes to take records of; remove it`;
  }
  if (!labels) {
    return 'needs data.labels: the number of records that take part follows from it and must be public; list the classes, or name them by label words in train.verbalizer';
  }
  if (setting('privacy.unit') !== 'record') {
    return 'a user with several records could change the selection of several classes, which no bound here covers; set privacy.unit: record, or remove it';
  }
  const relation = setting('privacy.relation');
  if (relation !== 'add-or-remove-one') {
    return `under privacy.relation=${String(relation)} one record may replace two of the selected; set relation: add-or-remove-one, or remove it`;
  }
  const size = setting('privacy.publicSize');
  const selected = Number(setting('data.fewShot')) * labels.length;
  return size === 'auto' || size === selected
    ? undefined
    : `privacy.publicSize=${String(size)} is not the number of records that take part, ${selected}; leave the size out`;
}
