import { InvalidParameterError } from '../../../privacy/errors.ts';
import { sumDim } from '../dims.ts';
import type { Dim } from '../ir.ts';
import { unbroadcast, type Vjps } from './vjp.ts';

type Axes =
  | 'matmul'
  | 'softmax'
  | 'sum'
  | 'crossEntropy'
  | 'crossEntropyGrad'
  | 'gatherLast'
  | 'reshape'
  | 'transpose'
  | 'expand'
  | 'concat'
  | 'slice'
  | 'pad'
  | 'rotateHalf';

function numericStart(op: string, start: Dim | undefined): number {
  if (typeof start === 'number') return start;
  throw new InvalidParameterError(
    `${op}: start=${start ?? 'unknown'}: its derivative needs pieces at fixed places; put pieces of symbolic size last`,
  );
}

export const axes: Vjps<Axes> = {
  matmul: (b, { inputs: [x, y], attrs: { transposeA, transposeB } }, g) => [
    () =>
      transposeA
        ? b.matmul(y!, g, { transposeA: transposeB, transposeB: true })
        : b.matmul(g, y!, { transposeB: !transposeB }),
    () =>
      transposeB
        ? b.matmul(g, x!, { transposeA: true, transposeB: transposeA })
        : b.matmul(x!, g, { transposeA: !transposeA }),
  ],
  softmax: (b, { outputs: [p] }, g) => [() => b.mul(p!, b.sub(g, b.sum(b.mul(g, p!), [-1], true)))],
  sum: (b, { inputs: [x], attrs }, g) => [
    () => {
      const kept = x!.shape.map((dim, axis): Dim => (attrs.axes.includes(axis) ? 1 : dim));
      return b.expand(b.reshape(g, kept), x!.shape);
    },
  ],
  crossEntropy: (b, { inputs: [, labels], outputs: [, probabilities] }, g) => [
    () => b.crossEntropyGrad(probabilities!, labels!, g),
  ],
  crossEntropyGrad: () => [],
  gatherLast: () => [],

  reshape: (b, { inputs: [x] }, g) => [() => b.reshape(g, x!.shape)],
  transpose: (b, { attrs: { perm } }, g) => [
    () =>
      b.transpose(
        g,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
  ],
  expand: (b, { inputs: [x] }, g) => [() => unbroadcast(b, g, x!)],
  concat: (b, { inputs, attrs: { axis } }, g) => {
    let start: Dim | undefined = 0;
    return inputs.map((x) => {
      const from = start;
      const end = from === undefined ? undefined : sumDim(from, x.shape[axis]!);
      start = end;
      return () => b.slice(g, axis, numericStart('concat', from), end!);
    });
  },
  slice: (b, { inputs: [x], attrs: { axis, start } }, g) => [() => b.pad(g, axis, start, x!.shape[axis]!)],
  pad: (b, { inputs: [x], attrs: { axis, before } }, g) => [
    () => {
      const end = sumDim(x!.shape[axis]!, before);
      return b.slice(g, axis, numericStart('pad', end === undefined ? undefined : before), end!);
    },
  ],
  rotateHalf: (b, _node, g) => [() => b.affine(b.rotateHalf(g), -1)],
};
