/**
 * Makes data/train.jsonl and data/test.jsonl: made-up notes with their entities, by authors of their own.
 *
 *   npx tsx examples/entities/prepare.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reproducibleRng } from '../../privacy/index.ts';
import { sampleEntities } from '../../src/samples/index.ts';

const target = join(dirname(fileURLToPath(import.meta.url)), 'data');
mkdirSync(target, { recursive: true });
for (const [name, authors] of [
  ['train', 1000],
  ['test', 200],
] as const) {
  const sentences = sampleEntities(authors, reproducibleRng(`entities ${name}`));
  const lines = sentences.map(({ author, tokens, tags }) => JSON.stringify({ author, tokens, tags }));
  writeFileSync(join(target, `${name}.jsonl`), `${lines.join('\n')}\n`);
  console.log(`${name}.jsonl: ${sentences.length} sentences by ${authors} authors`);
}
