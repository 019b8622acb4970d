/** Writes every export case into a directory, for exports.py: `npx tsx test/golden/models/exports.ts DIRECTORY`. */
import { join } from 'node:path';
import { exportCases, writeExports } from '../../models/export-cases.ts';

for (const { name, model, head } of exportCases) await writeExports(model, head, join(process.argv[2]!, name));
