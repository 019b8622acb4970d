/**
 * Remakes the built-in model of `dptune quickstart` from generated public text, with the project's own `pretrain`:
 *
 *   npx tsx scripts/quickstart-model.ts
 *
 * About 15 minutes on two cores. The same sources give the same text and start; the result may differ in the last bits
 * from machine to machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reproducibleRng } from '../privacy/index.ts';
import { samplePublicText } from '../src/samples/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const text = join(mkdtempSync(join(tmpdir(), 'quickstart-')), 'public.txt');
writeFileSync(text, samplePublicText(20_000, reproducibleRng('public text')).join('\n'));
const settings = {
  vocabulary: 1200,
  layers: 2,
  width: 128,
  heads: 2,
  length: 96,
  batch: 32,
  steps: 6000,
  rate: 1e-3,
  seed: 1,
};
const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
const command = [
  '--import',
  'tsx',
  'src/cli.ts',
  'pretrain',
  text,
  '--out',
  'examples/quickstart/small-bert',
  ...flags,
];
const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
