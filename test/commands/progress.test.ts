import { describe, expect, test } from 'vitest';
import { createProgress } from '../../src/commands/progress.ts';
import { recorder } from './terminal.ts';

function running({ tty, columns }: { tty: boolean; columns?: number }) {
  let time = 0;
  const stream = recorder(columns);
  const progress = createProgress({ stream, tty, now: () => time });
  /** Steps at two a second, from 0 to `last`. */
  const run = (last: number, state: { label?: string; epsilon?: number; budget?: number } = {}) => {
    for (let step = 0; step <= last; step++) {
      progress.update({ step, steps: 200, ...state });
      time += 500;
    }
  };
  return { stream, progress, run };
}

/** What a terminal of one line shows after `text`. */
function screen(text: string): string {
  return text.split('\r\u001B[K').at(-1)!.replaceAll('\u001B[?25l', '');
}

describe('on a terminal', () => {
  test('shows step, share, rate, time left and epsilon in one line', () => {
    const { stream, run } = running({ tty: true, columns: 120 });
    run(50, { label: 'head', epsilon: 1.23456, budget: 8 });
    expect(screen(stream.text())).toBe(
      'head 50/200 25% [#####---------------] 2 steps/s ETA 1m 15s epsilon 1.24 of 8',
    );
    expect(stream.text()).not.toContain('\n');
  });

  test.each([
    [79, 'head 50/200 25% [#####---------------] 2 steps/s ETA 1m 15s epsilon 1.24 of 8'],
    [60, 'head 50/200 25% 2 steps/s ETA 1m 15s epsilon 1.24 of 8'],
    [50, 'head 50/200 25% ETA 1m 15s epsilon 1.24 of 8'],
    [42, '50/200 25% ETA 1m 15s epsilon 1.24 of 8'],
    [30, '50/200 25% epsilon 1.24 of 8'],
    [20, '50/200 epsilon 1.24'],
  ])('keeps what matters most within %i columns', (columns, expected) => {
    const { stream, run } = running({ tty: true, columns });
    run(50, { label: 'head', epsilon: 1.23456, budget: 8 });
    expect(screen(stream.text())).toBe(expected);
    expect(expected.length).toBeLessThan(columns);
  });

  test('hides the cursor and gives it back, also when the process exits', () => {
    const before = process.listenerCount('exit');
    const { stream, progress, run } = running({ tty: true, columns: 80 });
    run(3);
    expect(stream.text().startsWith('\u001B[?25l')).toBe(true);
    expect(process.listenerCount('exit')).toBe(before + 1);
    progress.done();
    expect(stream.text().endsWith('\n\u001B[?25h')).toBe(true);
    expect(process.listenerCount('exit')).toBe(before);
  });

  test('draws at most ten times a second', () => {
    const stream = recorder(80);
    const progress = createProgress({ stream, tty: true, now: clock(10) });
    for (let step = 0; step < 100; step++) progress.update({ step, steps: 100 });
    progress.done();
    const draws = stream.text().split('\r\u001B[K').length - 1;
    expect(draws).toBeGreaterThan(5);
    expect(draws).toBeLessThan(45);
  });
});

test('elsewhere a plain line now and then, and one at the end', () => {
  const { stream, progress, run } = running({ tty: false });
  run(50);
  progress.done();
  expect(stream.text().split('\n')).toEqual([
    '0/200 0% [--------------------]',
    '30/200 15% [###-----------------] 2 steps/s ETA 1m 25s',
    '50/200 25% [#####---------------] 2 steps/s ETA 1m 15s',
    '',
  ]);
  expect(stream.text()).not.toContain('\u001B');
});

test('a resumed or restarted count does not spoil the rate', () => {
  let time = 0;
  const stream = recorder(120);
  const progress = createProgress({ stream, tty: true, now: () => time });
  for (const step of [100, 101, 102, 0, 1, 2, 3]) {
    progress.update({ step, steps: 10 });
    time += 1000;
  }
  expect(screen(stream.text())).toContain('1 steps/s ETA 7s');
});

/** A clock that goes on by `step` ms each time it is read. */
function clock(step: number): () => number {
  let time = 0;
  return () => (time += step);
}
