// Makes train.jsonl and test.jsonl from speeches with their speakers: every eighth speaker is held out, whole.
//
//   node examples/shakespeare/prepare.mjs FILE
//
// FILE has an object a line: {"user": ..., "text": ...}
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = process.argv[2];
if (source === undefined) throw new Error('name the file of speeches');
const target = join(dirname(fileURLToPath(import.meta.url)), 'data');
const speeches = readFileSync(source, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));
const speakers = [...new Set(speeches.map(({ user }) => user))];
const heldOut = new Set(speakers.filter((_, at) => at % 8 === 0));
mkdirSync(target, { recursive: true });
for (const [name, wanted] of [
  ['train', false],
  ['test', true],
]) {
  const rows = speeches.filter(({ user }) => heldOut.has(user) === wanted);
  writeFileSync(join(target, `${name}.jsonl`), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  console.log(
    `${name}.jsonl: ${rows.length} speeches by ${new Set(rows.map(({ user }) => user)).size} speakers`,
  );
}
