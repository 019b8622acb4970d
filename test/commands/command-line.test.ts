import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { DptuneError } from '../../privacy/errors.ts';
import { COMMANDS, runCommandLine } from '../../src/commands/command-line.ts';

describe('mistakes on the command line', () => {
  test.each([
    [['ini'], 'command=ini: is unknown; did you mean init? See dptune --help'],
    [['frobnicate'], 'command=frobnicate: is unknown; see dptune --help'],
    [['init', '--forse'], '--forse: is unknown; did you mean --force? See dptune init --help'],
    [['init', 'extra'], 'extra: is one argument too many; see dptune init --help'],
    [['init', '--out', 'a', '--out', 'b'], '--out: is given more than once; give it once'],
    [['export'], 'an argument is missing: dptune export <run>; see dptune export --help'],
    [['export', 'run'], '--to: is missing; see dptune export --help'],
    [['init', '--out'], '--out: needs a value; see dptune init --help'],
    [['schema', '--format', 'xml'], '--format=xml: must be one of json, markdown; see dptune schema --help'],
    [['schema', '-q'], '-q: is unknown; see dptune schema --help'],
    [['--jsn'], 'an argument is missing: dptune <command>; see dptune --help'],
  ])('%j', async (args, expected) => {
    const error = await runCommandLine(args).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DptuneError);
    expect(error).toMatchObject({ code: 'usage', message: expected });
  });
});

test('every command is in the list, by the name and description of its module', async () => {
  for (const [name, { describe: description, load }] of Object.entries(COMMANDS)) {
    const module = (await load()) as { command: string; describe: string };
    expect(module.command.split(' ')[0]).toBe(name);
    expect(module.describe).toBe(description);
  }
});

test('every command of src/commands is in the list', async () => {
  const directory = new URL('../../src/commands/', import.meta.url);
  const sources = await Promise.all(
    (await readdir(directory)).map(async (file): Promise<[string, string]> => [
      file.replace('.ts', ''),
      await readFile(new URL(file, directory), 'utf8'),
    ]),
  );
  const commands = sources.filter(([, text]) => /^export const \w+: CommandModule</m.test(text));
  expect(new Set(commands.map(([name]) => name))).toEqual(new Set(Object.keys(COMMANDS)));
});
