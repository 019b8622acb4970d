import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { linesOf } from '../../src/commands/lines.ts';
import { promptFormOf, unlikeTraining } from '../../src/commands/prompt-form.ts';
import { dptune } from './terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'dptune-answers-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const read: string[] = [];
  for await (const line of lines) read.push(line);
  return read;
}

describe('lines to be answered', () => {
  test('are those of a file, whatever ends them', async () => {
    const file = join(directory, 'lines.txt');
    writeFileSync(file, 'one\r\ntwo\n\nfour');
    expect(await all(linesOf(file))).toEqual(['one', 'two', '', 'four']);
  });

  test.each(['none.txt', '.'])('of %s: the file is named, with the remedy', async (name) => {
    const missing = join(directory, name);
    await expect(all(linesOf(missing))).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /^input=.*: cannot be read \(.*\)\. Name a file, or - for standard input\.$/,
      ),
    });
  });
});

describe('a prompt that is unlike training', () => {
  test.each([
    [{ separator: ' =' }, 'dog park', false, 'prompts that end in " ="'],
    [{ separator: ' =' }, 'dog park =', false, 'nothing'],
    [{ separator: ' =' }, 'dog park', true, 'nothing'],
    [{ chat: true }, 'dog park', false, '--chat gives prompts as such'],
    [{ chat: true }, 'dog park', true, 'nothing'],
    [{}, 'dog park', false, 'nothing'],
  ] as const)('%j, %s, chat %s: %s', (form, prompt, asChat, expected) => {
    expect(unlikeTraining(form, prompt, asChat) ?? 'nothing').toContain(expected);
  });

  test('is known from the plan of a run and of its release, and from no other model', async () => {
    writeFileSync(join(directory, 'plan.json'), JSON.stringify({ separator: ' =' }));
    expect(await promptFormOf(directory)).toMatchObject({ separator: ' =' });
    expect(await promptFormOf(join(directory, 'other'))).toEqual({});
  });
});

test.each([
  ['predict', 'a line of JSON for each text, in their order'],
  ['generate', 'generation_config.json'],
])('dptune %s --help says what goes in and what comes out', async (command, expected) => {
  const { code, stdout } = await dptune([command, '--help']);
  expect(code).toBe(0);
  const text = stdout.replaceAll(/\s+/g, ' ');
  expect(text).toContain('- reads standard input');
  expect(text).toContain(expected);
});
