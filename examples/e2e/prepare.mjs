// Makes train.jsonl and test.jsonl from the E2E NLG data: what is known of a restaurant, and a text about it.
//
//   node examples/e2e/prepare.mjs DIRECTORY
//
// DIRECTORY holds train.txt (or train.txt.gz) and valid.txt: `slot : value | slot : value||text` a line.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const source = process.argv[2];
if (source === undefined) throw new Error('name the directory with train.txt and valid.txt');
const target = join(dirname(fileURLToPath(import.meta.url)), 'data');
const read = (name) => {
  const path = join(source, name);
  return existsSync(path)
    ? readFileSync(path, 'utf8')
    : gunzipSync(readFileSync(`${path}.gz`)).toString('utf8');
};
mkdirSync(target, { recursive: true });
for (const [part, name] of [
  ['train', 'train'],
  ['valid', 'test'],
]) {
  const rows = read(`${part}.txt`)
    .split('\n')
    .filter((line) => line.includes('||'))
    .map((line) => {
      const [facts, text] = line.split('||');
      return JSON.stringify({ facts: facts.trim(), text: text.trim() });
    });
  writeFileSync(join(target, `${name}.jsonl`), `${rows.join('\n')}\n`);
  console.log(`${name}.jsonl: ${rows.length} rows`);
}
