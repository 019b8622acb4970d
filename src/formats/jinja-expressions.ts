import { DataError } from '../../privacy/errors.ts';
import { tokensOf, type Token } from './jinja-tokens.ts';

/** An expression of Jinja's as a tree. */
export type Expression =
  | { readonly kind: 'value'; readonly value: string | number | boolean | null }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'attribute'; readonly of: Expression; readonly key: Expression }
  | {
      readonly kind: 'slice';
      readonly of: Expression;
      readonly from: Expression | undefined;
      readonly to: Expression | undefined;
      readonly step: Expression | undefined;
    }
  | { readonly kind: 'call'; readonly of: Expression; readonly args: Arguments }
  | { readonly kind: 'filter'; readonly of: Expression; readonly name: string; readonly args: Arguments }
  | {
      readonly kind: 'test';
      readonly of: Expression;
      readonly name: string;
      readonly negated: boolean;
      readonly args: Arguments;
    }
  | { readonly kind: 'not' | 'minus'; readonly of: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'choice';
      readonly condition: Expression;
      readonly yes: Expression;
      readonly no: Expression | undefined;
    };

export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: Readonly<Record<string, Expression>>;
}

const CONSTANTS: Readonly<Record<string, boolean | null>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};
/** From the loosest to the tightest. */
const BINARY: readonly (readonly string[])[] = [
  ['or'],
  ['and'],
  ['not'],
  ['==', '!=', '<', '>', '<=', '>=', 'in'],
  ['+', '-'],
  ['~'],
  ['*', '/', '//', '%'],
];
const NONE: Arguments = { positional: [], named: {} };

/** Reads expressions from the tokens of one tag, one after another. */
export interface ExpressionReader {
  readonly expression: () => Expression;
  /** An expression without `if`, as after `in` of a loop. */
  readonly operand: () => Expression;
  /** Takes a token where it comes next. */
  readonly take: (text: string) => boolean;
  readonly expect: (text: string) => void;
  readonly name: () => string;
  readonly end: () => void;
}

/** @param source - of one tag, for messages too */
export function expressionReader(source: string): ExpressionReader {
  const tokens = tokensOf(source);
  let at = 0;
  const peek = (): Token => tokens[at] ?? { kind: 'end', text: '' };
  const is = (text: string): boolean =>
    peek().text === text && (peek().kind === 'name' || peek().kind === 'operator');
  const fail = (): never => {
    throw new DataError(
      `chat template: ${JSON.stringify(source)} cannot be read at ${JSON.stringify(peek().text)}.`,
    );
  };
  const take = (text: string): boolean => (is(text) ? (at++, true) : false);
  const expect = (text: string): void => void (take(text) || fail());
  const name = (): string => (peek().kind === 'name' ? tokens[at++]!.text : fail());

  const expression = (): Expression => {
    const yes = binary(0);
    if (!take('if')) return yes;
    const condition = binary(0);
    return { kind: 'choice', condition, yes, no: take('else') ? expression() : undefined };
  };

  function binary(level: number): Expression {
    const operators = BINARY[level];
    if (operators === undefined) return unary();
    if (operators[0] === 'not') return take('not') ? { kind: 'not', of: binary(level) } : binary(level + 1);
    let left = binary(level + 1);
    for (;;) {
      const negated = operators.includes('in') && is('not') && tokens[at + 1]?.text === 'in';
      if (negated) at++;
      const operator = operators.find(is);
      if (operator === undefined) return left;
      at++;
      left = { kind: 'binary', operator, left, right: binary(level + 1) };
      if (negated) left = { kind: 'not', of: left };
    }
  }

  function unary(): Expression {
    if (take('-')) return { kind: 'minus', of: unary() };
    let result = postfix(primary());
    for (;;) {
      if (take('|'))
        result = postfix({ kind: 'filter', of: result, name: name(), args: is('(') ? args() : NONE });
      else if (take('is')) {
        const negated = take('not');
        const test = peek().kind === 'name' ? name() : fail();
        result = { kind: 'test', of: result, name: test, negated, args: is('(') ? args() : NONE };
      } else return result;
    }
  }

  function primary(): Expression {
    const token = peek();
    if (token.kind === 'end') return fail();
    at++;
    if (token.kind === 'number') return { kind: 'value', value: Number(token.text) };
    if (token.kind === 'string') {
      let text = token.text;
      while (peek().kind === 'string') text += tokens[at++]!.text;
      return { kind: 'value', value: text };
    }
    if (token.kind === 'name')
      return Object.hasOwn(CONSTANTS, token.text)
        ? { kind: 'value', value: CONSTANTS[token.text]! }
        : { kind: 'name', name: token.text };
    if (token.text === '(') {
      const items = list(')');
      return items.length === 1 && tokens[at - 2]?.text !== ',' ? items[0]! : { kind: 'list', items };
    }
    if (token.text === '[') return { kind: 'list', items: list(']') };
    if (token.text === '{') return dict();
    at--;
    return fail();
  }

  function postfix(start: Expression): Expression {
    let result = start;
    for (;;) {
      if (take('.')) result = { kind: 'attribute', of: result, key: { kind: 'value', value: name() } };
      else if (take('[')) result = subscript(result);
      else if (is('(')) result = { kind: 'call', of: result, args: args() };
      else return result;
    }
  }

  function bound(): Expression | undefined {
    return is(':') || is(']') ? undefined : expression();
  }

  function subscript(of: Expression): Expression {
    const from = bound();
    if (take(']')) return { kind: 'attribute', of, key: from ?? fail() };
    expect(':');
    const to = bound();
    const step = take(':') ? bound() : undefined;
    expect(']');
    return { kind: 'slice', of, from, to, step };
  }

  function list(close: string): Expression[] {
    const items: Expression[] = [];
    while (!take(close)) {
      items.push(expression());
      if (!take(',')) {
        expect(close);
        break;
      }
    }
    return items;
  }

  function dict(): Expression {
    const entries: (readonly [Expression, Expression])[] = [];
    while (!take('}')) {
      const key = expression();
      expect(':');
      entries.push([key, expression()]);
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    return { kind: 'dict', entries };
  }

  function args(): Arguments {
    expect('(');
    const positional: Expression[] = [];
    const named: Record<string, Expression> = {};
    while (!take(')')) {
      if (peek().kind === 'name' && tokens[at + 1]?.text === '=') {
        const key = name();
        expect('=');
        named[key] = expression();
      } else positional.push(expression());
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return { positional, named };
  }

  return {
    expression,
    operand: () => binary(0),
    take,
    expect,
    name,
    end: () => void (peek().kind === 'end' || fail()),
  };
}
