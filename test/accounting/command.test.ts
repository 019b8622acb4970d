import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import yargs from 'yargs';
import { answerLine } from '../../src/commands/account-batch.ts';
import { certified } from '../../src/commands/account-report.ts';
import { account } from '../../src/commands/account.ts';
import { explain } from '../../src/commands/explain.ts';
import { dpSgd } from './events.ts';

afterEach(() => vi.restoreAllMocks());

/** What a command writes to standard output. */
async function run(...args: string[]): Promise<string> {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  await yargs(args)
    .option('json', { type: 'boolean', default: false })
    .command(account)
    .command(explain)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new Error(message);
    })
    .parseAsync();
  return text;
}

const settings = ['--noise-multiplier', '1', '--sampling-rate', '0.01', '--steps', '1000', '--delta', '1e-5'];

test('epsilon of DP-SGD, for people and as JSON', async () => {
  expect(await run('account', ...settings)).toContain('at most 1.828');
  const line = (await run('account', ...settings, '--json')).trim();
  const answer = JSON.parse(line) as { epsilon: { upper: number }; method: string; relation: string };
  expect(answer.epsilon.upper).toBeGreaterThanOrEqual(1.8282264771793373);
  expect(answer.epsilon.upper).toBeLessThan(1.8282366793299456 * (1 + 1e-4));
  expect(answer).toMatchObject({ method: 'contour', relation: 'add-or-remove-one' });
});

test('the missing one is solved for; two missing are refused', async () => {
  const known = ['--sampling-rate', '0.01', '--steps', '1000', '--delta', '1e-5', '--target-epsilon', '8'];
  expect(await run('account', ...known)).toMatch(/noise multiplier = 0\.586\d+/);
  await expect(run('account', '--steps', '10', '--delta', '1e-5', '--target-epsilon', '8')).rejects.toThrow(
    /exactly one of/,
  );
  await expect(run('account', ...settings.slice(0, -2))).rejects.toThrow(/--delta: is missing/);
});

test('curve, attacks and plot', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'account-'));
  const plot = join(folder, 'curve.svg');
  const text = await run('account', ...settings, '--curve', '--attack', '--plot', plot);
  expect(text).toContain('delta at most');
  expect(text).toContain('right guesses whether a unit took part');
  expect(await readFile(plot, 'utf8')).toMatch(/^<svg [^]*<polyline [^]*<\/svg>\n$/);
});

test('the claim of another tool is judged', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'account-'));
  const history = join(folder, 'history.json');
  await writeFile(history, JSON.stringify([[1, 0.01, 1000]]));
  const ask = ['account', '--from', 'opacus', history, '--delta', '1e-5', '--claimed-epsilon'];
  // GDP-CLT's figure, RDP's figure.
  expect(await run(...ask, '1.61771')).toMatch(/11\.5 % too small/);
  expect(await run(...ask, '2.10137')).toMatch(/valid, and 14\.9 % larger than needed/);
  await expect(run('account', '--from', 'opacus', join(folder, 'none'), '--delta', '1e-5')).rejects.toThrow(
    /cannot be read/,
  );
});

test('a batch goes on after lines that cannot be answered, in order', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'account-'));
  const file = join(folder, 'queries.ndjson');
  const relation = 'add-or-remove-one';
  const event = dpSgd(1, 0.01, 100);
  const queries = [
    { id: 'a', event, relation, query: { delta: 1e-5 } },
    { id: 'b', event: { kind: 'gausian' }, relation, query: { delta: 1e-5 } },
    { id: 'c', event, relation, query: { epsilon: 0.5 } },
    { id: 'd', event, relation, query: { targetEpsilon: 1, delta: 1e-5, solve: 'noiseMultiplier' } },
    { id: 'e', event, relation, query: { tradeoff: [0.1] } },
    { id: 'f', event, relation, query: { mu: true } },
    { id: 'g', event, relation, query: { advantage: true } },
    { id: 'h', event, relation, query: { nothing: true } },
  ];
  await writeFile(file, `${queries.map((query) => JSON.stringify(query)).join('\n')}\nnot json\n`);
  const lines = (await run('account', '--batch', file)).trim().split('\n');
  const answers = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(answers.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', null]);
  expect(answers.map((answer) => 'error' in answer)).toEqual([
    false,
    true,
    false,
    false,
    false,
    false,
    false,
    true,
    true,
  ]);
  expect(answerLine(JSON.stringify(queries[0]))).toEqual(answers[0]);
});

function digits(lower: number, upper: number): { lower: string; upper: string } {
  return certified({ epsilon: { lower, estimate: upper, upper } });
}

test('printed digits are certified ones', () => {
  expect(digits(1.82823, 1.82824)).toEqual({ lower: '1.82823', upper: '1.82824' });
  expect(digits(1.8, 1.8282341)).toEqual({ lower: '1.8', upper: '1.83' });
  expect(digits(0, 0)).toEqual({ lower: '0', upper: '0' });
  expect(digits(0, Infinity)).toEqual({ lower: '0', upper: 'Infinity' });
});

test('explain epsilon speaks plainly', async () => {
  const text = await run('explain', 'epsilon');
  expect(text).toContain('in plain words');
  expect(text).toContain('one unit');
});
