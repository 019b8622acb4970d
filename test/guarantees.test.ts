import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

test('every failure that docs/guarantees.md lists has a test that names it', () => {
  const page = readFileSync(join(root, 'docs', 'guarantees.md'), 'utf8');
  const listed = [...page.matchAll(/^- \*\*(G\d+)\*\*/gm)].map(([, name]) => name!);
  const named = new Set(
    readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.test.ts'))
      .flatMap((path) => readFileSync(join(root, 'test', path), 'utf8').split('\n'))
      // A title, not a remark.
      .filter((line) => /['"`].*\bG\d+\b/.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
      .flatMap((line) => line.match(/\bG\d+\b/g) ?? []),
  );
  expect(listed).toHaveLength(36);
  expect(listed.filter((name) => !named.has(name))).toEqual([]);
});
