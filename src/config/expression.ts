import type { ConstantNode, FunctionNode, MathNode, OperatorNode, SymbolNode } from 'mathjs';
import { InvalidParameterError } from '../../privacy/errors.ts';

const LONGEST_EXPRESSION = 200;
const FUNCTIONS = [
  'abs',
  'ceil',
  'cos',
  'exp',
  'floor',
  'log',
  'log10',
  'log2',
  'max',
  'min',
  'pow',
  'round',
  'sin',
  'sqrt',
];
const OPERATORS = ['+', '-', '*', '/', '^', '%', '<', '<=', '>', '>=', '==', '!=', 'and', 'or', 'not'];
const CONSTANTS = ['e', 'pi'];
const NODES = [
  'ConstantNode',
  'SymbolNode',
  'OperatorNode',
  'FunctionNode',
  'ParenthesisNode',
  'ConditionalNode',
  'RelationalNode',
];

/** A formula over declared variables; the same values always give the same number. */
export type Expression<Name extends string> = (values: Readonly<Record<Name, number>>) => number;

/**
 * Compiles arithmetic such as `1/n^1.1` or `step < 10 ? step/10 : 1`. Only numbers, the declared variables, `e`, `pi`,
 * comparisons, conditionals and a short list of functions exist in it: no assignment, no function definition, no
 * access to properties, no strings, no units. (mathjs 15, number entry; it is loaded on first use.)
 * @param names - variables that may occur
 * @returns a function that throws InvalidParameterError where the result is not a finite number
 * @throws InvalidParameterError where the text is no such formula
 */
export async function compileExpression<Name extends string>(
  text: string,
  names: readonly Name[],
): Promise<Expression<Name>> {
  const refuse = (why: string) => new InvalidParameterError(`expression=${JSON.stringify(text)}: ${why}`);
  if (text.length > LONGEST_EXPRESSION) throw refuse(`must be at most ${LONGEST_EXPRESSION} characters`);
  const { parse } = await import('mathjs/number');
  let root: MathNode;
  try {
    root = parse(text);
  } catch (error) {
    throw refuse(`is not a formula (${(error as Error).message})`);
  }
  root.traverse((node: MathNode, path: string) => {
    const fault = faultOf(node, path, names);
    if (fault) throw refuse(fault);
  });
  const compiled = root.compile();
  return (values) => {
    let result: unknown;
    try {
      result = compiled.evaluate(new Map(names.map((name) => [name as string, values[name]])));
    } catch (error) {
      throw refuse((error as Error).message);
    }
    if (typeof result === 'number' && Number.isFinite(result)) return result;
    const given = names.map((name) => `${name}=${values[name]}`).join(', ');
    throw refuse(`gives ${String(result)} at ${given}; must give a finite number`);
  };
}

function faultOf(node: MathNode, path: string, names: readonly string[]): string | undefined {
  if (!NODES.includes(node.type))
    return `${node.toString()} is not allowed; use arithmetic, comparisons and a ? b : c`;
  if (node.type === 'ConstantNode') {
    return typeof (node as ConstantNode).value === 'number'
      ? undefined
      : `${node.toString()} is not a number`;
  }
  if (node.type === 'FunctionNode') {
    const name = (node as FunctionNode).fn.toString();
    return FUNCTIONS.includes(name)
      ? undefined
      : `${name} is not a function here; there are ${FUNCTIONS.join(', ')}`;
  }
  if (node.type === 'OperatorNode') {
    const op: string = (node as OperatorNode).op;
    return OPERATORS.includes(op)
      ? undefined
      : `${op} is not an operator here; there are ${OPERATORS.join(' ')}`;
  }
  if (node.type !== 'SymbolNode' || path === 'fn') return undefined;
  const { name } = node as SymbolNode;
  return names.includes(name) || CONSTANTS.includes(name)
    ? undefined
    : `${name} is unknown; there are ${[...names, ...CONSTANTS].join(', ')}`;
}
