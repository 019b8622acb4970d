// Makes train.jsonl and test.jsonl from CommonGen: concepts, and a sentence that has them.
//
//   node examples/commongen/prepare.mjs DIRECTORY
//
// DIRECTORY holds train_src.txt, train_trg.txt, valid_src.txt, valid_trg.txt: one concept set or sentence a line.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = process.argv[2];
if (source === undefined)
  throw new Error('name the directory with train_src.txt, train_trg.txt and those of valid');
const target = join(dirname(fileURLToPath(import.meta.url)), 'data');
const linesOf = (name) => readFileSync(join(source, name), 'utf8').trimEnd().split('\n');
mkdirSync(target, { recursive: true });
for (const [part, name] of [
  ['train', 'train'],
  ['valid', 'test'],
]) {
  const sentences = linesOf(`${part}_trg.txt`);
  const rows = linesOf(`${part}_src.txt`).map((concepts, at) =>
    JSON.stringify({ concepts: concepts.trim(), sentence: sentences[at].trim() }),
  );
  writeFileSync(join(target, `${name}.jsonl`), `${rows.join('\n')}\n`);
  console.log(`${name}.jsonl: ${rows.length} rows`);
}
