import { existsSync, writeFileSync } from 'node:fs';
import { reproducibleRng, type ReproducibleRng } from '../privacy/index.ts';
import { lengthOf, openRows, readStore } from '../src/data/index.ts';
import type { TokenStore } from '../src/data/index.ts';
import { loadTokenizer } from '../src/formats/index.ts';

/**
 * Records for timing a step: their lengths matter, their tokens do not. A lengths file is JSON lines of
 * {"text": "37", "label": 0}, where the text is the number of tokens; the Python side reads the same file.
 */
const reviews = new URL('../../shared/data/datasets/mr/rt-polarity.', import.meta.url).pathname;
const tokenizerDirectory = new URL('../../shared/data/models/all-MiniLM-L6-v2', import.meta.url).pathname;
const MAX_LENGTH = 64;

/** Movie reviews, as all-MiniLM-L6-v2 tokenises them; where they are absent, as many lengths of like distribution. */
export async function writeLengths(path: string): Promise<string> {
  const present = [tokenizerDirectory, `${reviews}pos`, `${reviews}neg`].every((file) => existsSync(file));
  const lengths = present ? await reviewLengths() : likeLengths(reproducibleRng('lengths'));
  const rows = lengths.map((length, row) => JSON.stringify({ text: String(length), label: row % 2 }));
  writeFileSync(path, `${rows.join('\n')}\n`);
  const mean = lengths.reduce((a, b) => a + b, 0) / lengths.length;
  return `${lengths.length} ${present ? 'movie reviews' : 'synthetic lengths'}, ${mean.toFixed(1)} tokens on average`;
}

async function reviewLengths(): Promise<number[]> {
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const lengths: number[] = [];
  for (const label of ['pos', 'neg']) {
    const source = openRows(reviews + label, { format: 'text', columns: { text: 'text' } });
    const store = await readStore(source, {
      tokenizer: { encode: (text, pair) => tokenizer.encode(text, pair, { maxLength: MAX_LENGTH }) },
      task: 'unlabelled',
      unit: { kind: 'record' },
      seed: 0,
    });
    // Every tenth row is for testing.
    for (let row = 0; row < store.records; row++) if (row % 10 !== 0) lengths.push(lengthOf(store, row));
  }
  return lengths;
}

/** Mean 28, standard deviation 12, as the reviews have. */
function likeLengths(rng: ReproducibleRng): number[] {
  return Array.from({ length: 9_594 }, () =>
    Math.round(Math.min(MAX_LENGTH, Math.max(4, 28 + 12 * rng.normal()))),
  );
}

/** A store of random tokens with those lengths. */
export async function readLengths(
  path: string,
  vocabulary: number,
  rng: ReproducibleRng,
): Promise<TokenStore> {
  const source = openRows(path, { format: 'jsonl', columns: { text: 'text', label: 'label' } });
  return readStore(source, {
    tokenizer: {
      encode(text) {
        const ids = Int32Array.from({ length: Number(text) }, () => Math.floor(rng.uniform() * vocabulary));
        return { ids, truncated: false, unknown: 0 };
      },
    },
    task: 'single-label',
    labels: ['0', '1'],
    unit: { kind: 'record' },
    seed: 0,
  });
}
