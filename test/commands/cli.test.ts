import { execFile, spawn } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jobSchema } from '../../src/config/index.ts';
import { dptune } from './terminal.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dptune-cli-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('usage', () => {
  test('without a command the help goes to stderr and the exit code is 2', async () => {
    const { code, stdout, stderr } = await dptune([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Commands:');
  });

  test('--help lists every command with what it does', async () => {
    const { code, stdout } = await dptune(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^dptune <command> \[options\]/);
    for (const command of ['init', 'schema', 'engines', 'export', 'completion']) {
      expect(stdout).toMatch(new RegExp(`dptune ${command} +[A-Z]`));
    }
    expect(stdout).toContain('--json');
  });

  test('the help of a command shows its options and an example', async () => {
    const { code, stdout } = await dptune(['init', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "dptune init

      Write a commented job file

      Options:
        -h, --help     Show help                                                                 [boolean]
            --json     Print events as lines of JSON                            [boolean] [default: false]
            --version  Show version number                                                       [boolean]
            --out      File to write                                        [string] [default: "job.yaml"]
            --data     Training file; its header tells the columns                                [string]
            --model    Model directory, or org/name@revision                                      [string]
            --force    Overwrite the file                                       [boolean] [default: false]

      Examples:
        dptune init --data reviews.csv --model models/bert  a job for that file
      "
    `);
  });

  test('--version is that of the package', async () => {
    const { stdout } = await dptune(['--version']);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('a mistake exits with 2 and says what was meant', async () => {
    expect(await dptune(['init', '--forse'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'dptune: --forse: is unknown; did you mean --force? See dptune init --help\n',
    });
  });

  test('with --json an error is an event as well', async () => {
    const { code, stdout, stderr } = await dptune(['export', 'none', '--to', 'out', '--json'], {
      cwd: directory,
    });
    expect(code).toBe(10);
    expect(JSON.parse(stdout)).toEqual({
      event: 'error',
      code: 'data',
      message: 'run=none: has no release/; give the directory of a finished run',
    });
    expect(stderr).toBe('dptune: run=none: has no release/; give the directory of a finished run\n');
  });

  test('what the system refuses is no bug', async () => {
    const { code, stderr } = await dptune(['init', '--force', '--out', directory]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^dptune: EISDIR: .+\n$/);
  });

  test('what nobody expected exits with 1 and says how to see more', async () => {
    const fault = `const whole = JSON.stringify;
      JSON.stringify = (...given) => { if (given[0]?.$id) throw new Error('broken'); return whole(...given); }`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(fault)}`;
    const short = await dptune(['schema'], { env: { NODE_OPTIONS } });
    expect(short).toEqual({
      code: 1,
      stdout: '',
      stderr: 'dptune: unexpected error: broken\nThis is a bug. DPTUNE_DEBUG=1 shows where it happened.\n',
    });
    const long = await dptune(['schema'], { env: { NODE_OPTIONS, DPTUNE_DEBUG: '1' } });
    expect(long.stderr).toMatch(/^dptune: Error: broken\n    at .*schema\.ts/s);
  });
});

test('schema prints the JSON Schema, whole also where the reader is slow to come', async () => {
  const { code, stdout } = await dptune(['schema']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(jobSchema)));
});

test('a reader that goes away ends the output quietly', async () => {
  const pipe = spawn('bash', [
    '-o',
    'pipefail',
    '-c',
    `"$0" --import "$1" "$2" schema | head -c 10`,
    process.execPath,
    import.meta.resolve('tsx'),
    'src/cli.ts',
  ]);
  let [stdout, stderr] = ['', ''];
  pipe.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  pipe.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise((resolve) => pipe.on('close', resolve));
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '{\n  "$sche', stderr: '' });
});

test('an interrupt ends a command at once, by the signal, which shells report as 130', async () => {
  // The command waits for a line that never comes.
  const fifo = join(directory, 'waiting.csv');
  await promisify(execFile)('mkfifo', [fifo]);
  const args = ['src/cli.ts', 'init', '--data', fifo, '--out', join(directory, 'job.yaml')];
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), ...args]);
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  const writer = await open(fifo, 'w');
  child.kill('SIGINT');
  expect(await ended).toEqual({ code: null, signal: 'SIGINT' });
  await writer.close();
});

describe('shell completion', () => {
  test('prints a script for bash or zsh', async () => {
    expect((await dptune(['completion'], { env: { SHELL: '/bin/bash' } })).stdout).toContain(
      'complete -o bashdefault',
    );
    expect((await dptune(['completion'], { env: { SHELL: '/bin/zsh' } })).stdout).toContain(
      '#compdef dptune',
    );
  });

  test('knows commands and the options of each', async () => {
    const commands = await dptune(['--get-yargs-completions', 'dptune', '']);
    expect(commands.stdout.split('\n')).toEqual(expect.arrayContaining(['init', 'schema', 'export']));
    const options = await dptune(['--get-yargs-completions', 'dptune', 'init', '--']);
    expect(options.stdout.split('\n')).toEqual(
      expect.arrayContaining(['--out', '--data', '--model', '--force', '--json']),
    );
  });
});
