import { basename, join, resolve } from 'node:path';
import { roundedUp } from '../../privacy/index.ts';
import { writeAtomic } from '../formats/index.ts';
import type { WritingSettings } from '../generate/index.ts';
import { summaryRow, writeJson } from '../train/index.ts';
import type { PublicQuality, Quality } from './quality.ts';
import type { LabelShare } from './requests.ts';
import type { Source } from './source.ts';
import type { SyntheticRow } from './texts.ts';

/** How texts were asked for. */
export interface Making {
  readonly settings: WritingSettings;
  /** Of labelled texts. */
  readonly template: string | undefined;
  readonly shares: readonly LabelShare[] | undefined;
  /** Public prompts that texts follow; 0 for none. */
  readonly prompts: number;
}

/** sheet.json: what synthetic texts are, what they are worth and what they cost. All of it may be published with them. */
export interface Sheet extends PublicQuality {
  readonly format: 'dptune-sheet/1';
  readonly statement: string;
  readonly guarantee: {
    readonly epsilon: number;
    readonly delta: number;
    readonly relation: Source['plan']['privacy']['relation'];
    readonly unit: Source['plan']['privacy']['unit'];
    /** Hash of the plan. */
    readonly plan: string;
  } | null;
  /** The model that was trained. */
  readonly base: string;
  readonly made: Omit<WritingSettings, 'first' | 'onToken' | 'endIds'> & {
    readonly template?: string;
    /** Shares as they were declared; nothing was counted from data. */
    readonly labels?: Readonly<Record<string, number>>;
    readonly prompts?: number;
  };
}

export function sheetOf({ plan, isPrivate }: Source, making: Making, quality: PublicQuality): Sheet {
  const { template, shares, prompts } = making;
  const { endIds: _, ...settings } = making.settings;
  const { privacy, search, model } = plan;
  return {
    format: 'dptune-sheet/1',
    statement: isPrivate
      ? 'Post-processing: whatever the released model writes has its guarantee and costs no further budget.'
      : 'NOT PRIVATE: written by a model that was trained without privacy.',
    guarantee: isPrivate
      ? {
          epsilon: (search ?? privacy).epsilon,
          delta: privacy.delta,
          relation: privacy.relation,
          unit: privacy.unit,
          plan: privacy.hash,
        }
      : null,
    base: model.reference,
    made: {
      ...settings,
      ...(template !== undefined && { template }),
      ...(shares && { labels: Object.fromEntries(shares.map(({ label, share }) => [label, share])) }),
      ...(prompts > 0 && { prompts }),
    },
    ...quality,
  };
}

/** The sheet for people, in Markdown: README.md beside data.jsonl. */
export function sheetPage(sheet: Sheet): string {
  const { guarantee, figures, made, downstream, likeness, statement, base } = sheet;
  const { words } = figures;
  const lines = [
    '# Synthetic texts',
    '',
    `Written by a language model that was fine-tuned from ${base}. ${statement}`,
    '',
    ...(guarantee
      ? [
          `Guarantee of the model: epsilon ${roundedUp(guarantee.epsilon, 4)} at delta ${guarantee.delta}, for ${guarantee.unit.kind === 'user' ? 'every person with all of their records' : 'every single record'} (${guarantee.relation}). Nobody can tell from these texts whether somebody is in the training data any better than that allows. Whether a text is true, apt or fair, the guarantee does not say.`,
          '',
        ]
      : []),
    ...tableOf([
      ['texts', String(figures.texts)],
      ['equal to an earlier one', percent(figures.duplicates)],
      ['empty', String(figures.empty)],
      ['words, 10 % to 90 % (median)', `${words.p10} to ${words.p90} (${words.median})`],
      ['different words, pairs', `${percent(figures.distinct1)}, ${percent(figures.distinct2)}`],
      ...Object.entries(made.labels ?? {}).map(([label, share]) => [
        `label ${label}, as declared`,
        percent(share),
      ]),
    ]),
  ];
  if (downstream) {
    const rows = [
      summaryRow('a classifier trained on these texts', downstream.classifier),
      summaryRow('always the commonest class of the test file', downstream.majority),
    ].filter((row) => row !== undefined);
    lines.push(
      '',
      '## What a classifier learns from them',
      '',
      'Trained on these texts alone, measured without noise on a file of real ones. Whoever is in that file is not protected by the guarantee.',
      '',
      ...tableOf(
        rows.map((row) => Object.values(row).map((cell) => String(cell ?? '-'))),
        Object.keys(rows[0]!).map((name) => (name === 'model' ? '' : name)),
      ),
    );
  }
  if (likeness) {
    const { mauve, smoothed, texts, clusters, encoder, caution } = likeness;
    lines.push(
      '',
      '## How much they look like public texts',
      '',
      ...tableOf([
        ['MAUVE (1: alike)', mauve.toFixed(3)],
        ['smoothed', smoothed.toFixed(3)],
      ]),
      '',
      `${texts.written} of these texts and ${texts.reference} public ones, by features of ${encoder}, ${clusters} clusters.${caution === undefined ? '' : ` ${caution}`}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function tableOf(rows: readonly (readonly string[])[], headings: readonly string[] = ['', '']): string[] {
  return [headings, headings.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/**
 * Writes sheet.json and README.md beside the texts, and what must stay into the run's private half.
 * @returns path of the private file, where there is one
 */
export async function writeSheets(
  { inside }: Source,
  out: string,
  sheet: Sheet,
  found: Quality['inside'],
): Promise<string | undefined> {
  await writeJson(join(out, 'sheet.json'), sheet);
  await writeAtomic(join(out, 'README.md'), [sheetPage(sheet)]);
  if (!inside || !found) return undefined;
  const path = join(inside.path, `synthesis-${basename(resolve(out))}.json`);
  await writeJson(path, {
    statement:
      'PRIVATE: figures of the training data without noise, covered by no guarantee. They stay here.',
    ...found,
  });
  return path;
}

/** The rows as data.jsonl, one JSON object a line. */
export async function writeRows(path: string, rows: readonly SyntheticRow[]): Promise<void> {
  await writeAtomic(path, [`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`]);
}
