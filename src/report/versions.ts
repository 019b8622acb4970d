import { readFile } from 'node:fs/promises';
import type { Plan } from '../../privacy/index.ts';

/** The compiled file lies one folder deeper than its source. */
const manifest = new URL(
  import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json',
  import.meta.url,
);

/** Versions of what a run rests on. */
export async function versions({
  mechanism,
  accountant,
}: Plan): Promise<{ name: string; version: string }[]> {
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  return [
    { name: 'dptune', version },
    { name: 'mechanism', version: mechanism },
    { name: 'accountant', version: accountant.version },
    { name: 'node', version: process.versions.node },
  ];
}
