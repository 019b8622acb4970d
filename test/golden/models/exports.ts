/** Writes every export case into a directory, for exports.py: `npx tsx test/golden/models/exports.ts DIRECTORY`. */
import { join } from 'node:path';
import { decoderCases, exportCases, writeDecoderExports, writeExports } from '../../models/export-cases.ts';

const to = process.argv[2]!;
for (const { name, model, head } of exportCases) await writeExports(model, head, join(to, 'classifiers', name));
for (const model of decoderCases) await writeDecoderExports(model, join(to, 'decoders', model));
