import { describe, expect, test } from 'vitest';
import { InvalidParameterError } from '../../privacy/errors.ts';
import { compileExpression } from '../../src/config/index.ts';

// Expected values: arithmetic by hand, or Python 3.11 (`1/1000**1.1`, `math.cos(math.pi*3/10)`).
test.each([
  ['1/n^1.1', { n: 1000, step: 0 }, 5.011872336272725e-4],
  ['min(1e-5, 1/n)', { n: 100, step: 0 }, 1e-5],
  ['step < 10 ? step/10 : 1', { n: 0, step: 3 }, 0.3],
  ['step < 10 ? step/10 : 1', { n: 0, step: 30 }, 1],
  ['0 < n <= 5 and step == 0 ? 1 : 2', { n: 5, step: 0 }, 1],
  ['cos(pi*step/n)', { n: 10, step: 3 }, 0.5877852522924731],
  ['-2^2 + 7 % 4', { n: 0, step: 0 }, -1],
  ['log(n, 2)', { n: 8, step: 0 }, 3],
])('%s', async (text, values, expected) => {
  const expression = await compileExpression(text, ['n', 'step']);
  expect(expression(values)).toBeCloseTo(expected, 15);
});

describe('what is no arithmetic is refused when it is compiled', () => {
  test.each([
    'n = 3',
    'f(x) = x',
    'import("x")',
    'createUnit("x")',
    'parse("1")',
    'evaluate("1")',
    'random()',
    'n.constructor',
    'cos.constructor("return 1")()',
    'cos(n)["constructor"]',
    '"abc"',
    '[1, 2]',
    '{a: 1}',
    'n; 3',
    'm',
    'i',
    'cm',
    'toString',
    'cos',
    'n!',
    "n'",
    '3 cm',
    'n to cm',
    '',
    ' ',
    'true',
    '1 +',
    '1..',
    'x'.repeat(201),
    `${'('.repeat(99)}n${')'.repeat(99)}!`,
  ])('%s', async (text) => {
    await expect(compileExpression(text, ['n'])).rejects.toThrow(InvalidParameterError);
  });
});

describe('a value that is no finite number is refused with the variables that gave it', () => {
  test.each(['1/(n - 2)', 'sqrt(0 - n)', 'log(n - 2)', '10^(n*1000)', 'n == 2', 'not n', 'sqrt()'])(
    '%s',
    async (text) => {
      const expression = await compileExpression(text, ['n']);
      expect(() => expression({ n: 2 })).toThrow(InvalidParameterError);
      expect(() => expression({ n: 2 })).toThrow(`expression=${JSON.stringify(text)}`);
    },
  );
});
