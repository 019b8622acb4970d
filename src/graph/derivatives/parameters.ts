import type { GraphBuilder } from '../builder.ts';
import type { AnyNode, Node, OpAttrs, Value } from '../ir.ts';
import type { Vjps } from './vjp.ts';

type Consumer = 'linear' | 'linearInt8' | 'bias' | 'embed' | 'layerNorm' | 'rmsNorm';

/**
 * One use of a trainable parameter, from which its gradient follows without forming it for each unit.
 *   linear: d w = sum over positions of the outer product of x and g
 *   embed: d table[id] = sum of g over the positions with that id
 *   vector: d parameter = sum of g over all positions
 */
export type Use =
  | {
      readonly kind: 'linear';
      readonly layout: OpAttrs['linear']['layout'];
      readonly x: Value;
      readonly g: Value;
    }
  | { readonly kind: 'embed'; readonly ids: Value; readonly g: Value }
  | { readonly kind: 'vector'; readonly g: Value };

/** (x - mean) / deviation of a layer norm, or x / root mean square. */
function normalised(b: GraphBuilder, node: Node<'layerNorm'> | Node<'rmsNorm'>): Value {
  const x = node.inputs[0]!;
  if (node.op === 'rmsNorm') return b.mul(x, node.outputs[1]!);
  return b.mul(b.sub(x, node.outputs[1]!), node.outputs[2]!);
}

/** The use that a node makes of its input `slot`, given the gradient of its output; undefined where no rule covers it. */
export function useOf(b: GraphBuilder, node: AnyNode, slot: number, g: Value): Use | undefined {
  if (node.op === 'linear' && slot === 1) {
    return { kind: 'linear', layout: node.attrs.layout, x: node.inputs[0]!, g };
  }
  if (node.op === 'embed' && slot === 1) return { kind: 'embed', ids: node.inputs[0]!, g };
  if (node.op === 'bias' && slot === 1) return { kind: 'vector', g };
  if (node.op === 'layerNorm' && slot === 2) return { kind: 'vector', g };
  if ((node.op === 'layerNorm' || node.op === 'rmsNorm') && slot === 1) {
    return { kind: 'vector', g: b.mul(g, normalised(b, node)) };
  }
  return undefined;
}

/** A gain [D] as a matrix [D, 1] scaled by 1/D: a product with it is the mean of gain-weighted features. */
function averaging(b: GraphBuilder, gain: Value): Value {
  const width = gain.shape[0] as number;
  return b.affine(b.reshape(gain, [width, 1]), 1 / width);
}

/** Gradients toward the first input; parameters have uses instead. */
export const parameters: Vjps<Consumer> = {
  linear: (b, { inputs: [, w], attrs: { layout } }, g) => [
    () => b.linear(g, w!, layout === 'out-in' ? 'in-out' : 'out-in'),
  ],
  linearInt8: (b, { inputs: [, q, scale], attrs: { layout } }, g) => [
    () => b.linearInt8(g, q!, scale!, layout === 'out-in' ? 'in-out' : 'out-in'),
  ],
  bias: (_b, _node, g) => [() => g],
  embed: () => [],
  // With h = g * gain and n the normalised x: d x = inverse * (h - mean(h) - n mean(h n)).
  layerNorm: (b, node, g) => [
    () => {
      const gain = node.inputs[1]!;
      const n = normalised(b, node);
      const weights = averaging(b, gain);
      const h = b.sub(b.mul(g, gain), b.linear(g, weights, 'in-out'));
      return b.mul(b.sub(h, b.mul(n, b.linear(b.mul(g, n), weights, 'in-out'))), node.outputs[2]!);
    },
  ],
  // d x = inverse * (h - n mean(h n)).
  rmsNorm: (b, node, g) => [
    () => {
      const gain = node.inputs[1]!;
      const n = normalised(b, node);
      const along = b.linear(b.mul(g, n), averaging(b, gain), 'in-out');
      return b.mul(b.sub(b.mul(g, gain), b.mul(n, along)), node.outputs[1]!);
    },
  ],
};
