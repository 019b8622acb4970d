import type { Writer, WritingSettings } from '../generate/index.ts';
import type { TextRequest } from './requests.ts';
import type { Source } from './source.ts';

/** A synthetic record, as it stands in data.jsonl. */
export interface SyntheticRow extends TextRequest {
  readonly text: string;
}

/** Texts written at once. */
const batchSize = 32;

/**
 * Writes a text for each request. With sampling, a text depends on the seed and its place alone.
 * @param progress - told how many are there
 * @returns rows in the order of the requests; the prompt of a label is not repeated in its row
 */
export async function writeTexts(
  writer: Writer,
  { plan }: Pick<Source, 'plan'>,
  requests: readonly TextRequest[],
  settings: WritingSettings,
  progress: (texts: number) => void,
): Promise<readonly SyntheticRow[]> {
  const rows: SyntheticRow[] = [];
  for (let first = 0; first < requests.length; first += batchSize) {
    const some = requests.slice(first, first + batchSize);
    const given = some.map(({ prompt }) =>
      prompt === undefined
        ? writer.start()
        : writer.prompt(plan.chat ? prompt : prompt + (plan.separator ?? ''), plan.chat ?? false),
    );
    const texts = await writer.write(given, { ...settings, first });
    for (const [at, tokens] of texts.entries()) {
      const { label, prompt } = some[at]!;
      const text = writer.tokenizer.decode(tokens).trim();
      rows.push(label !== undefined ? { label, text } : prompt === undefined ? { text } : { prompt, text });
    }
    progress(rows.length);
  }
  return rows;
}
