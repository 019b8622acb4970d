/** Writes every case of label heads, and its batch, into a directory, for label-heads.py: `npx tsx test/golden/models/label-heads.ts DIRECTORY`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { headOptions, labelHeadBatch, labelHeadCases, writeLabelHead } from '../../models/label-head-cases.ts';

const to = process.argv[2]!;
for (const one of labelHeadCases) {
  const directory = join(to, one.name.replace(' ', '@'));
  await writeLabelHead(one, directory);
  const { records, tokens, ids, mask, typeIds } = labelHeadBatch(one);
  const { mark, words } = headOptions(one);
  const text = { records, tokens, ids: [...ids!], mask: [...mask!], typeIds: [...typeIds!], mark, words };
  writeFileSync(join(directory, 'batch.json'), JSON.stringify(text));
}
