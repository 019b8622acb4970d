/** Writes every token classifier into a directory, for taggers.py: `npx tsx test/golden/models/taggers.ts DIRECTORY`. */
import { join } from 'node:path';
import { goldenTags, taggerCases, writeTagger } from '../../models/tagger-cases.ts';
import { writeFileSync } from 'node:fs';

const to = process.argv[2]!;
for (const model of taggerCases) await writeTagger(model, join(to, model));
writeFileSync(join(to, 'tags.json'), JSON.stringify(goldenTags));
