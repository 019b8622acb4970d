import type { Quality, Sheet } from '../synthesis/index.ts';
import { summaryRow } from '../train/index.ts';
import type { Output } from './output.ts';

/** A synthetic data set that lies in `out`. */
export interface Synthesized {
  readonly out: string;
  readonly sheet: Sheet;
  readonly inside: Quality['inside'];
  /** File with what must stay. */
  readonly path: string | undefined;
}

/** What was written and measured, for people and as the last event; what must stay in private/ where asked alone. */
export function showSynthesis(output: Output, made: Synthesized, showPrivate: boolean): void {
  const { out, sheet, inside, path } = made;
  const { figures, downstream, likeness, statement, guarantee } = sheet;
  output.table([
    {
      texts: figures.texts,
      duplicates: figures.duplicates.toFixed(3),
      'words, median': figures.words.median,
      distinct2: figures.distinct2.toFixed(3),
      ...(likeness && { 'MAUVE, public texts': likeness.mauve.toFixed(3) }),
    },
  ]);
  if (downstream) {
    const { classifier, majority } = downstream;
    output.line();
    output.table(rowsOf({ 'trained on these texts': classifier, majority }));
  }
  output.line();
  output.line(statement);
  output.line(
    `${out}: data.jsonl, sheet.json and README.md ${guarantee ? 'may be published' : 'carry no guarantee'}`,
  );
  if (path !== undefined && inside) {
    output.line(
      `${path}: compares with the private data and must stay${showPrivate ? ':' : ' (--show-private prints it)'}`,
    );
    if (showPrivate) showInside(output, inside);
  }
  output.event({ event: 'done', out, figures, downstream: downstream ?? null, likeness: likeness ?? null });
}

function showInside(output: Output, { overlap, likeness, real }: NonNullable<Quality['inside']>): void {
  output.line();
  output.table([
    {
      'whole private texts': overlap.copies,
      [`shared runs of ${overlap.length} words`]: overlap.shared.toFixed(4),
      ...(likeness && { 'MAUVE, training data': likeness.mauve.toFixed(3) }),
    },
  ]);
  if (!real) return;
  output.line();
  output.table(rowsOf({ 'trained on the real data, NOT PRIVATE': real.classifier }));
}

function rowsOf(models: Readonly<Record<string, unknown>>) {
  return Object.entries(models)
    .map(([name, metrics]) => summaryRow(name, metrics))
    .filter((row) => row !== undefined);
}
