import { spawnSync } from 'node:child_process';

/**
 * The properties, the regressions of known defects of other accountants, and the table of injected faults, each with the
 * test that catches it: they are tests, run here so that one command shows all.
 */
export function runShownTests(): void {
  console.log('\nproperties, known defects of others, injected faults');
  const files = ['properties', 'faults', 'contour', 'contour-parts', 'sampling'].map(
    (name) => `test/accounting/${name}.test.ts`,
  );
  spawnSync('npx', ['vitest', 'run', '--reporter=verbose', ...files], {
    stdio: 'inherit',
    cwd: new URL('../..', import.meta.url).pathname,
  });
}
