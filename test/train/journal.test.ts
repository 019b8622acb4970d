import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Journal, readJournal } from '../../src/train/journal.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dptune-journal-'));
  path = join(directory, 'journal.ndjson');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('G33: the journal', () => {
  test('has a charge on disk before it returns, and counts by phase', () => {
    const journal = new Journal(path);
    expect(journal.charge('a')).toEqual({ phase: 'a', step: 1 });
    expect(readJournal(path)).toEqual([{ phase: 'a', step: 1 }]);
    journal.charge('a');
    journal.charge('b');
    journal.close();
    const again = new Journal(path);
    expect([again.charged('a'), again.charged('b'), again.charged('c')]).toEqual([2, 1, 0]);
    expect(again.charge('a')).toEqual({ phase: 'a', step: 3 });
    again.close();
  });

  test('drops a torn last line, at any place that it was torn', () => {
    const line = '{"phase":"a","step":2}\n';
    for (let cut = 1; cut < line.length; cut++) {
      writeFileSync(path, `{"phase":"a","step":1}\n${line.slice(0, cut)}`);
      const journal = new Journal(path);
      expect(journal.charged('a')).toBe(1);
      journal.charge('a');
      journal.close();
      expect(readFileSync(path, 'utf8')).toBe(`{"phase":"a","step":1}\n${line}`);
    }
  });

  test.each([
    ['a step left out', '{"phase":"a","step":1}\n{"phase":"a","step":3}\n'],
    ['a step twice', '{"phase":"a","step":1}\n{"phase":"a","step":1}\n'],
    ['no first step', '{"phase":"a","step":2}\n'],
    ['a line that is no charge', '{"phase":"a"}\n'],
    ['a torn line within', '{"phase":"a","st\n{"phase":"a","step":1}\n'],
  ])('is refused with %s', (_, text) => {
    writeFileSync(path, text);
    expect(() => new Journal(path)).toThrow(/restore it from a copy/);
  });

  test('charges nothing more once another process wrote to it', () => {
    const [first, second] = [new Journal(path), new Journal(path)];
    first.charge('a');
    expect(() => second.charge('a')).toThrow(/Another process/);
    // The first is not hurt by the second's attempt.
    expect(first.charge('a').step).toBe(2);
    appendFileSync(path, '{"phase":"a","step":3}\n');
    expect(() => first.charge('a')).toThrow(/Another process/);
    expect(readJournal(path)).toHaveLength(3);
    first.close();
    second.close();
  });
});
