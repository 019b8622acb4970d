import { describe, expect, test } from 'vitest';
import { createOutput } from '../../src/commands/output.ts';
import { recorder } from './terminal.ts';

function opened({ json = false, tty = false, columns = undefined as number | undefined } = {}) {
  const [stdout, stderr] = [recorder(columns), recorder(columns)];
  return { stdout, stderr, output: createOutput({ json, stdout, stderr, tty }) };
}

test('with --json stdout holds one line of JSON an event and nothing else', () => {
  const { output, stdout, stderr } = opened({ json: true, tty: true });
  output.line('for people');
  output.table([{ a: 1 }]);
  output.note('a remark');
  output.event({ event: 'step', epsilon: Infinity, loss: NaN, text: 'two\nlines' });
  output.progress().update({ step: 1, steps: 2 });
  output.event({ event: 'done' });
  const lines = stdout.text().trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { event: 'step', epsilon: 'Infinity', loss: 'NaN', text: 'two\nlines' },
    { event: 'done' },
  ]);
  expect(stderr.text()).toBe('a remark\n');
});

test('without it events are silent, lines go to stdout and remarks to stderr', () => {
  const { output, stdout, stderr } = opened();
  output.event({ event: 'step' });
  output.line('first');
  output.line();
  output.note('a remark');
  expect(stdout.text()).toBe('first\n\n');
  expect(stderr.text()).toBe('a remark\n');
});

describe('tables', () => {
  const rows = [
    { engine: 'onnx', threads: 2, state: 'ready' },
    { engine: 'tfjs (wasm)', threads: 16, state: undefined },
  ];

  test('align text to the left and numbers to the right', () => {
    const { output, stdout } = opened();
    output.table(rows);
    expect(stdout.text()).toBe(
      ['engine       threads  state', 'onnx               2  ready', 'tfjs (wasm)       16  -', ''].join(
        '\n',
      ),
    );
  });

  test('wrap a last column that is wider than the terminal', () => {
    const { output, stdout } = opened({ columns: 40 });
    output.table([{ engine: 'cuda', remedy: 'install the CUDA libraries and set the path to them' }]);
    const lines = stdout.text().trimEnd().split('\n');
    expect(lines).toEqual([
      'engine  remedy',
      'cuda    install the CUDA libraries and',
      '        set the path to them',
    ]);
  });

  test('are nothing where there are no rows', () => {
    const { output, stdout } = opened();
    output.table([]);
    expect(stdout.text()).toBe('');
  });
});

test('text from files cannot steer the terminal', () => {
  const { output, stdout, stderr } = opened();
  output.line('a\u001B[2Jb\u009Bc\rd');
  output.table([{ label: 'x\u001B]0;title\u0007\ny' }]);
  output.note('\u001B[31m');
  const printed = stdout.text() + stderr.text();
  expect(printed.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  expect(printed).toContain('a\uFFFD[2Jb\uFFFDc\uFFFDd');
});

test('text takes the live line away before it prints', () => {
  const { output, stdout, stderr } = opened({ tty: true, columns: 80 });
  output.progress().update({ step: 1, steps: 2 });
  output.line('between');
  expect(stderr.text().endsWith('\r\u001B[K')).toBe(true);
  expect(stdout.text()).toBe('between\n');
});
