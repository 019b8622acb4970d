// Makes validation.csv, 400 reviews of a public data set that trials are compared on: the first 200 negative and 200 positive
// ones of a file with a JSON object a line, {"text": ..., "label": 0 | 1}.
//
//   node examples/search/prepare.mjs FILE.jsonl.gz
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const source = process.argv[2];
if (source === undefined) throw new Error('name the file of reviews');
const target = join(dirname(fileURLToPath(import.meta.url)), 'data');
const bytes = readFileSync(source);
const reviews = (source.endsWith('.gz') ? gunzipSync(bytes) : bytes)
  .toString('utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const names = ['negative', 'positive'];
const chosen = names.flatMap((name, label) =>
  reviews
    .filter((review) => Number(review.label) === label)
    .slice(0, 200)
    .map(({ text }) => `"${text.replaceAll('"', '""')}",${name}`),
);
if (chosen.length < 400) throw new Error(`${source}: has too few reviews of each label`);
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'validation.csv'), `text,label\n${chosen.join('\n')}\n`);
console.log(`validation.csv: ${chosen.length} reviews`);
