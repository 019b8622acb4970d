import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../privacy/errors.ts';
import { LARGEST_JOB_FILE, parseJob } from '../../src/config/document.ts';

const parse = (text: string) => parseJob(text, 'job.yaml');

test('JSON is read as JSON, however it is indented', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      expect(parse(text).value).toEqual(JSON.parse(text));
    }),
    { seed: 11, numRuns: 1000 },
  );
});

test('positions count from one and point at values, keys, or the nearest setting around what is absent', () => {
  const document = parse('model: m\ntrain:\n  lora: {rank: 4}\n  phases:\n    - name: a\n    - name: b\n');
  expect(document.positionOf(['model'])).toEqual({ line: 1, column: 8 });
  expect(document.positionOf(['train', 'lora', 'rank'])).toEqual({ line: 3, column: 16 });
  expect(document.positionOf(['train', 'lora', 'rank'], true)).toEqual({ line: 3, column: 10 });
  expect(document.positionOf(['train', 'phases', 1, 'name'])).toEqual({ line: 6, column: 13 });
  expect(document.positionOf(['train', 'phases', 1, 'epochs'])).toEqual({ line: 6, column: 7 });
  expect(document.positionOf(['privacy'])).toEqual({ line: 1, column: 1 });
});

describe('what a careless or hostile file may hold', () => {
  test.each([
    ['a key given twice', 'seed: 1\nseed: 2\n', /job\.yaml:2:1: Map keys must be unique/],
    [
      'a nested key given twice',
      'train: {epochs: 1, epochs: 2}\n',
      /job\.yaml:1:20: Map keys must be unique/,
    ],
    ['two documents', 'a: 1\n---\nb: 2\n', /multiple documents/],
    ['broken syntax, twice', 'a: [1\nb: ]\nc: "x\n', /job\.yaml:\d+:\d+.*\n.*job\.yaml:\d+:\d+/],
    ['tabs for indentation', 'a:\n\tb: 1\n', /job\.yaml:2:1: Tabs are not allowed as indentation/],
    ['an unknown tag', 'a: !!js/function "f"\n', /Unresolved tag/],
    ['a list as a key', '? [a]\n: 1\n', /job\.yaml:1:3/],
    ['an alias of nothing', 'a: *b\n', /Unresolved alias/],
    ['aliases that explode', billionLaughs(), /aliases: Excessive alias count/],
    ['an alias of itself', 'a: &a [*a]\n', /aliases: one stands for something that it is a part of/],
    ['deep nesting by brackets', '['.repeat(10_000), /call stack/],
    ['deep nesting by dashes', '- '.repeat(5_000), /call stack/],
    ['a file of the wrong kind', 'x'.repeat(LARGEST_JOB_FILE + 1), /size=262145/],
  ])('%s', (_, text, expected) => {
    expect(() => parse(text)).toThrow(ConfigError);
    expect(() => parse(text)).toThrow(expected);
  });

  test('merge keys are no feature: << is a key like any other', () => {
    expect(parse('a: &a {b: 1}\n<<: *a\n').value).toEqual({ a: { b: 1 }, '<<': { b: 1 } });
  });

  test('__proto__ is data, not a prototype', () => {
    const { value } = parse('__proto__: {polluted: true}\n');
    expect(Object.keys(value as object)).toEqual(['__proto__']);
    expect((value as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('any text either parses or gives a ConfigError', () => {
    const fragment = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '  ',
      '- ',
      '{',
      '}',
      '[',
      ']',
      '&x ',
      '*x',
      '"',
      "'",
      '|',
      '>',
      '#',
      '!',
      '%',
      '?',
      ',',
      '\t',
      '---',
      '0',
      '.',
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 40 }), (parts) => {
        const error = errorOf(() => parse(parts.join('')));
        expect(error ?? new ConfigError('')).toBeInstanceOf(ConfigError);
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

function errorOf(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}

function billionLaughs(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  return lines.join('\n');
}
