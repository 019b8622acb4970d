import type { Check } from './checks.ts';

/** Rules on what goes with one task and not with another. */
export const TASK_CHECKS: readonly Check[] = [
  {
    paths: ['audit', 'audit.canaries', 'audit.source', 'task'],
    problem: (setting) => {
      const task = setting('task');
      if (Number(setting('audit.canaries') ?? 0) === 0) return undefined;
      if (task === 'regression') return 'has no canaries for task=regression; remove it';
      return ['generation', 'token-classification'].includes(String(task)) &&
        setting('audit.source') !== undefined
        ? `has no mislabelled canaries for task=${String(task)}; remove audit.source`
        : undefined;
    },
  },
  {
    paths: ['task', 'data.columns.textPair'],
    problem: (setting, written) =>
      written('task') === 'pair' && setting('data.columns.textPair') === undefined
        ? '=pair, needs data.columns.textPair, the column of the second text; name it'
        : undefined,
  },
  {
    paths: ['data.format', 'task', 'data.parallel'],
    problem: (setting) => {
      const [format, task] = [setting('data.format'), setting('task')];
      if (format === 'conll' && task !== 'token-classification')
        return `=conll, has words and their tags; set task: token-classification, or another format`;
      return format === 'text' && task === 'token-classification' && setting('data.parallel') === undefined
        ? '=text, has no tags; give their file in data.parallel, or JSON lines, Parquet or CoNLL'
        : undefined;
    },
  },
  {
    paths: ['data.columns.text', 'task'],
    problem: (setting) => {
      const column = setting('data.columns.text');
      return setting('task') === 'token-classification' && column !== 'text'
        ? `=${String(column)}, has no effect with task=token-classification, whose words are in data.columns.tokens; remove it`
        : undefined;
    },
  },
  {
    paths: ['train.head', 'task'],
    problem: (setting) => {
      const [head, task] = [String(setting('train.head')), String(setting('task'))];
      if (head === 'token' && task !== 'token-classification')
        return `=token, gives one answer a word; with task=${task} choose another, or auto`;
      return task === 'token-classification' && !['auto', 'token', 'checkpoint'].includes(head)
        ? `=${head}, gives one answer a text; with task=token-classification choose auto, token or checkpoint`
        : undefined;
    },
  },
  {
    paths: ['data.labels', 'task'],
    problem: (setting) => {
      const labels = setting('data.labels');
      if (setting('task') !== 'token-classification' || !Array.isArray(labels)) return undefined;
      const wrong = labels.find((label) => !/^(?:O|[BIES]-.+)$/.test(String(label)));
      if (wrong !== undefined)
        return `has ${String(wrong)}, must be O, or B-, I-, E- or S- and a kind of entity (BIO or BIOES)`;
      return labels.includes('O') ? undefined : 'has no O, the tag of words outside of all entities; add it';
    },
  },
];
