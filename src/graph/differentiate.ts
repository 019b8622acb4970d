import { InvalidParameterError } from '../../privacy/errors.ts';
import type { GraphBuilder } from './builder.ts';
import { useOf, vjpOf, type Use } from './derivatives/index.ts';
import { showShape } from './dims.ts';
import type { AnyNode, Value } from './ir.ts';

export interface Backward {
  readonly nodes: readonly AnyNode[];
  /** The value to differentiate, and its gradient (of the same shape). */
  readonly loss: Value;
  readonly seed: Value;
  /** Names of the trainable parameters by their value in the graph. */
  readonly trainable: ReadonlyMap<Value, string>;
  /** Told of every use of a trainable parameter as soon as its output gradient exists. */
  readonly onUse: (param: string, use: Use) => void;
}

/** The values that depend on a trainable parameter, the parameters included. */
export function activeValues(nodes: readonly AnyNode[], trainable: Iterable<Value>): ReadonlySet<Value> {
  const active = new Set(trainable);
  for (const node of nodes) {
    if (node.inputs.some((input) => active.has(input))) node.outputs.forEach((output) => active.add(output));
  }
  return active;
}

/**
 * Reverse-mode differentiation. Emits the backward pass to `b`, which must hold `nodes`, and reports the uses of each
 * trainable parameter in place of parameter gradients. Gradients flow only toward values that depend on a trainable
 * parameter, so nothing is computed below the lowest of them.
 * @throws InvalidParameterError naming the node, or the parameter, that no rule covers (G4)
 */
export function differentiate(b: GraphBuilder, { nodes, loss, seed, trainable, onUse }: Backward): void {
  const active = activeValues(nodes, trainable.keys());
  const unused = new Set(trainable.values());
  const gradients = new Map<Value, Value>([[loss, seed]]);

  for (const node of nodes.toReversed()) {
    const reached = node.outputs.map((output) => gradients.get(output));
    if (reached.every((g) => g === undefined) || !node.inputs.some((input) => active.has(input))) continue;
    const g = reached[0];
    if (g === undefined || reached.slice(1).some((other) => other !== undefined)) {
      throw new InvalidParameterError(
        `${describe(node)}: only its first output has a derivative; compute the loss from that one alone`,
      );
    }
    const thunks = vjpOf(node.op)(b, node, g);
    node.inputs.forEach((input, slot) => {
      if (!active.has(input)) return;
      const param = trainable.get(input);
      if (param !== undefined) {
        onUse(param, useOf(b, node, slot, g) ?? refuseParameter(param, node));
        unused.delete(param);
        return;
      }
      const gradient = (thunks[slot] ?? refuseInput(node, slot))();
      const sum = gradients.get(input);
      gradients.set(input, sum === undefined ? gradient : b.add(sum, gradient));
    });
    node.outputs.forEach((output) => gradients.delete(output));
  }

  for (const param of unused) {
    throw new InvalidParameterError(
      `trainable=${param}: the loss does not depend on it; remove it from the trainable parameters`,
    );
  }
}

/** A node for messages. */
export function describe(node: AnyNode): string {
  return `${node.op}(${showShapes(node.inputs)}) -> ${showShapes(node.outputs)}`;
}

function showShapes(values: readonly Value[]): string {
  return values.map(({ shape }) => showShape(shape)).join(', ');
}

function refuseParameter(param: string, node: AnyNode): never {
  throw new InvalidParameterError(
    `trainable=${param}: no per-unit gradient rule covers its use by ${describe(node)}; ` +
      `use it through linear, bias, embed, layerNorm or rmsNorm, or freeze it`,
  );
}

function refuseInput(node: AnyNode, slot: number): never {
  throw new InvalidParameterError(
    `${describe(node)}: has no derivative toward input ${slot}, which depends on a trainable parameter; freeze what is below it`,
  );
}
