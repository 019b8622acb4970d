import { DataError } from '../../privacy/errors.ts';
import { evaluate, type Names } from './jinja-evaluation.ts';
import { expressionReader, type Expression } from './jinja-expressions.ts';
import { piecesOf, type Piece } from './jinja-tokens.ts';
import { isTrue, itemsOf, textOf, type Value } from './jinja-values.ts';

type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | {
      readonly kind: 'set';
      readonly name: string;
      readonly field: string | undefined;
      readonly value: Expression;
    }
  | { readonly kind: 'if'; readonly branches: readonly Branch[] }
  | {
      readonly kind: 'for';
      readonly names: readonly string[];
      readonly of: Expression;
      readonly only: Expression | undefined;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: 'break' | 'continue' };

interface Branch {
  /** Undefined for `else`. */
  readonly condition: Expression | undefined;
  readonly body: readonly Node[];
}

/**
 * Makes a function that renders a template: the part of Jinja that chat templates use (text, values, `if`, `for`, `set`,
 * namespaces, filters, tests and Python's methods on texts), with transformers' settings.
 * @throws DataError for what is not known here, such as macros
 */
export function compileTemplate(template: string): (values: ReadonlyMap<string, Value>) => string {
  const pieces = piecesOf(template);
  let at = 0;

  /** Nodes up to a statement that begins with one of `ends`, which is left. */
  function nodes(ends: readonly string[]): Node[] {
    const found: Node[] = [];
    for (; at < pieces.length; at++) {
      const piece = pieces[at]!;
      if (piece.kind === 'text') found.push({ kind: 'text', text: piece.source });
      else if (piece.kind === 'print') found.push({ kind: 'print', value: whole(piece.source) });
      else {
        const word = keyword(piece);
        if (ends.includes(word)) return found;
        const node = statement(word, piece.source);
        if (node !== undefined) found.push(...node);
      }
    }
    if (ends.length > 0) throw new DataError(`chat template: ${ends.at(-1)} is missing.`);
    return found;
  }

  function statement(word: string, source: string): readonly Node[] {
    const reader = expressionReader(source);
    reader.expect(word);
    switch (word) {
      case 'set': {
        const name = reader.name();
        const field = reader.take('.') ? reader.name() : undefined;
        reader.expect('=');
        const value = reader.expression();
        reader.end();
        return [{ kind: 'set', name, field, value }];
      }
      case 'if': {
        const branches: Branch[] = [];
        let condition: Expression | undefined = reader.expression();
        for (;;) {
          at++;
          branches.push({ condition, body: nodes(['elif', 'else', 'endif']) });
          const next = expressionReader(pieces[at]!.source);
          if (next.take('endif')) return [{ kind: 'if', branches }];
          condition = next.take('elif') ? next.expression() : undefined;
        }
      }
      case 'for': {
        const names = [reader.name()];
        while (reader.take(',')) names.push(reader.name());
        reader.expect('in');
        const of = reader.operand();
        const only = reader.take('if') ? reader.expression() : undefined;
        reader.end();
        at++;
        const body = nodes(['else', 'endfor']);
        const hasElse = keyword(pieces[at]!) === 'else';
        if (hasElse) at++;
        return [{ kind: 'for', names, of, only, body, otherwise: hasElse ? nodes(['endfor']) : [] }];
      }
      case 'break':
      case 'continue':
        return [{ kind: word }];
      // Marks what an assistant says; it changes no text.
      case 'generation':
      case 'endgeneration':
        return [];
      default:
        throw new DataError(`chat template: statement ${word} is not known here.`);
    }
  }

  const program = nodes([]);
  return (values) => {
    const scope = new Map(values);
    const output: string[] = [];
    run(
      program,
      { lookup: (name) => scope.get(name), assign: (name, value) => void scope.set(name, value) },
      output,
    );
    return output.join('');
  };
}

function keyword({ source }: Piece): string {
  return /^\w+/.exec(source)?.[0] ?? '';
}

function whole(source: string): Expression {
  const reader = expressionReader(source);
  const value = reader.expression();
  reader.end();
  return value;
}

interface Scope {
  readonly lookup: Names;
  readonly assign: (name: string, value: Value) => void;
}

/** @returns how a loop around goes on */
function run(program: readonly Node[], scope: Scope, output: string[]): 'next' | 'break' | 'continue' {
  for (const node of program) {
    switch (node.kind) {
      case 'text':
        output.push(node.text);
        break;
      case 'print':
        output.push(textOf(evaluate(node.value, scope.lookup)));
        break;
      case 'set':
        assign(node.name, node.field, evaluate(node.value, scope.lookup), scope);
        break;
      case 'if': {
        const taken = node.branches.find(
          ({ condition }) => condition === undefined || isTrue(evaluate(condition, scope.lookup)),
        );
        const outcome = run(taken?.body ?? [], scope, output);
        if (outcome !== 'next') return outcome;
        break;
      }
      case 'for':
        loop(node, scope, output);
        break;
      case 'break':
      case 'continue':
        return node.kind;
    }
  }
  return 'next';
}

/** A namespace is a mapping whose fields may be set from inside a loop. */
function assign(name: string, field: string | undefined, value: Value, scope: Scope): void {
  if (field === undefined) return scope.assign(name, value);
  const space = scope.lookup(name);
  if (!(space instanceof Map)) throw new DataError(`chat template: ${name} is no namespace.`);
  space.set(field, value);
}

function loop(node: Extract<Node, { kind: 'for' }>, scope: Scope, output: string[]): void {
  const [first, ...rest] = node.names;
  const bound = (item: Value): Map<string, Value> =>
    rest.length === 0
      ? new Map([[first!, item]])
      : new Map(node.names.map((name, which) => [name, itemsOf(item)[which]]));
  const inside =
    (own: ReadonlyMap<string, Value>): Names =>
    (name) =>
      own.has(name) ? own.get(name) : scope.lookup(name);
  const items = itemsOf(evaluate(node.of, scope.lookup)).filter(
    (item) => node.only === undefined || isTrue(evaluate(node.only, inside(bound(item)))),
  );
  if (items.length === 0) run(node.otherwise, scope, output);
  for (const [index, item] of items.entries()) {
    const own = bound(item);
    own.set(
      'loop',
      new Map<string, Value>([
        ['index', index + 1],
        ['index0', index],
        ['revindex', items.length - index],
        ['revindex0', items.length - index - 1],
        ['first', index === 0],
        ['last', index === items.length - 1],
        ['length', items.length],
        ['previtem', items[index - 1]],
        ['nextitem', items[index + 1]],
      ]),
    );
    // What is set inside a loop is gone after the round.
    const outcome = run(
      node.body,
      { lookup: inside(own), assign: (name, value) => void own.set(name, value) },
      output,
    );
    if (outcome === 'break') return;
  }
}
