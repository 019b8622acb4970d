import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Rooms and packages that a module reaches, lazily or not; types alone do not count. */
function reachedFrom(entry: string): { rooms: Set<string>; packages: Set<string> } {
  const [seen, rooms, packages] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const [top, second] = path.split('/');
    rooms.add(top === 'src' ? `src/${second}` : top!);
    const code = readFileSync(posix.join(root, path), 'utf8').replaceAll(
      /^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm,
      '',
    );
    const imports =
      /^\s*(?:import|export)\b(?!\s+type\b)(?:[^'";]*?\bfrom)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;
    for (const [, fixed, lazy] of code.matchAll(imports)) {
      const name = fixed ?? lazy!;
      if (name.startsWith('.')) visit(posix.join(posix.dirname(path), name));
      else packages.add(name);
    }
  };
  visit(entry);
  return { rooms, packages };
}

test('the verifier reaches no engine, database or native code', () => {
  const { rooms, packages } = reachedFrom('src/verify/index.ts');
  expect([...rooms].sort()).toEqual(['audits', 'privacy', 'src/verify']);
  const foreign = [...packages].filter((name) => !name.startsWith('node:')).sort();
  expect(foreign).toEqual(
    ['ajv', 'seedrandom', 'tar-stream', 'vega', 'vega-lite', 'yaml'].filter((name) => packages.has(name)),
  );
  expect(foreign).toContain('tar-stream');
  expect([...packages]).not.toContain('node:child_process');
  expect([...packages]).not.toContain('node:http');
});

test('what it must not reach would be seen', () => {
  const { rooms, packages } = reachedFrom('src/commands/train.ts');
  expect(rooms).toContain('src/engines');
  expect(packages).toContain('libsql');
});
