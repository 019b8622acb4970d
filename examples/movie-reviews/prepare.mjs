// Makes train.csv and test.csv from Rotten Tomatoes sentence polarity (rt-polarity.pos, rt-polarity.neg; one sentence a
// line). Test rows are every tenth row of each file, from the first on.
//
//   node examples/movie-reviews/prepare.mjs DIRECTORY_WITH_BOTH_FILES
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = process.argv[2];
if (source === undefined) throw new Error('name the directory with rt-polarity.pos and rt-polarity.neg');
const target = join(dirname(fileURLToPath(import.meta.url)), 'data');
const rows = { train: [], test: [] };
for (const [file, label] of [
  ['rt-polarity.neg', 'negative'],
  ['rt-polarity.pos', 'positive'],
]) {
  // The original files are Latin-1; a UTF-8 copy decodes as such.
  const bytes = readFileSync(join(source, file));
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    text = new TextDecoder('latin1').decode(bytes);
  }
  const sentences = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  for (const [index, sentence] of sentences.entries()) {
    rows[index % 10 === 0 ? 'test' : 'train'].push(`"${sentence.replaceAll('"', '""')}",${label}`);
  }
}
mkdirSync(target, { recursive: true });
for (const [name, lines] of Object.entries(rows)) {
  writeFileSync(join(target, `${name}.csv`), `text,label\n${lines.join('\n')}\n`);
  console.log(`${name}.csv: ${lines.length} rows`);
}
