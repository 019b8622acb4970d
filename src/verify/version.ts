import { readFileSync } from 'node:fs';

/** Version of this program; the compiled file lies one folder deeper than its source. */
export function toolVersion(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
}
