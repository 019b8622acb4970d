import { type Check } from './checks.ts';

/** A column, the files beside the text that hold it, as the job writes them. */
interface Parallel {
  readonly column?: string;
  readonly train?: string;
  readonly test?: string;
  readonly validation?: string;
}

/** Rules on how the data is laid out in files. */
export const DATA_CHECKS: readonly Check[] = [
  {
    paths: ['data.split.column', 'data.split', 'data.test'],
    problem: (setting) => {
      if (setting('data.split.column') === undefined) return undefined;
      const other =
        setting('data.test') === undefined
          ? ['test', 'validation']
              .map((name) => `data.split.${name}`)
              .find((path) => Number(setting(path)) > 0)
          : 'data.test';
      return other === undefined ? undefined : `given together with ${other}; remove one of them`;
    },
  },
  {
    paths: ['data.parallel', 'data.columns', 'data.test', 'data.validation', 'evaluate.slices'],
    problem: (setting) => {
      const files = setting('data.parallel');
      if (!Array.isArray(files)) return undefined;
      const columns = setting('data.columns') as Readonly<Record<string, string>>;
      const slices = setting('evaluate.slices');
      const used = [
        ...Object.values(columns),
        setting('data.split.column'),
        ...(Array.isArray(slices) ? slices : []),
      ];
      return files
        .map((file: Parallel, at) => parallelProblem(file, files.slice(0, at) as Parallel[], used, setting))
        .find((problem) => problem !== undefined);
    },
  },
];

function parallelProblem(
  file: Parallel,
  before: readonly Parallel[],
  used: readonly unknown[],
  setting: (path: string) => unknown,
): string | undefined {
  const { column } = file;
  if (column === 'text') return 'column=text is the text file itself; name another column';
  if (before.some((other) => other.column === column)) {
    return `column=${column} occurs twice; give each column one file`;
  }
  if (!used.includes(column)) {
    return `column=${column} is not used; name it in data.columns, or remove it`;
  }
  for (const part of ['test', 'validation'] as const) {
    const isThere = setting(`data.${part}`) !== undefined;
    if (isThere && file[part] === undefined)
      return `column=${column} has no file beside data.${part}; give ${part}`;
    if (!isThere && file[part] !== undefined) {
      return `column=${column} has a file for ${part}, and there is no data.${part}; give both, or remove it`;
    }
  }
  return undefined;
}
