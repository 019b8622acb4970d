import { InvalidParameterError } from '../../privacy/errors.ts';
import type { NamedTensor } from '../formats/index.ts';
import type { Architecture, EncoderLayout } from './architecture.ts';
import type { Head } from './heads.ts';

/** A linear map of features: `weight` [labels, hiddenSize], `bias` [labels]. */
export interface LinearHead {
  readonly labels: number;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/**
 * The families' own classification models in transformers know one kind of head: output map, tanh or ReLU, dense map,
 * first token's state. What follows writes a linear head on the first token's state, or on the mean of all, in those
 * terms, so that the plain class loads it and computes the same logits.
 */

/** tanh(x) = x (1 - x^2/3 + ...): so small an argument is linear, to a relative 2e-6 at states of 40. */
export const TANH_FACTOR = 2 ** -14;

/** Tensors under the family's names that make its head the linear map `head` of the first token's state. */
export function firstTokenHead({ hiddenSize, encoder }: Architecture, head: LinearHead): NamedTensor[] {
  const { dense, output, activation } = encoder!.denseHead;
  if (activation === 'tanh') {
    const identity = matrix(hiddenSize, hiddenSize, (row, column) => (row === column ? TANH_FACTOR : 0));
    const weight = head.weight.map((value) => value / TANH_FACTOR);
    return headTensors(hiddenSize, { dense, output }, identity, weight, head);
  }
  // u = relu(u) - relu(-u) exactly, and gelu(u) - gelu(-u) = u (Phi(u) + Phi(-u)) = u as well.
  requireRoom(head.labels, hiddenSize);
  const signed = matrix(hiddenSize, hiddenSize, (row, column) => signedRow(head, hiddenSize, row, column));
  return headTensors(hiddenSize, { dense, output }, signed, difference(head.labels, hiddenSize), head);
}

/** Scale of the attention output of the pooling layer: far above any hidden state, which is added to it, ... */
const SIGNAL = 2 ** 28;
/** ... and far below the constants that fix the scale of the norms that follow. */
const CONSTANT = 2 ** 44;

/**
 * A layer, to be put on top, and a head, that together compute `head` of the mean of the states of the record's own tokens.
 *
 * Equal queries and keys attend evenly, so attention gives the mean m. Value and output maps make of it u = W m, times SIGNAL, with
 * both signs, on the first 2 labels coordinates; the others are CONSTANTs of alternating sign. The state h that is added moves u
 * by h / SIGNAL. The constants fix mean and deviation of both norms, to a relative |u|^2 2^-32; the feed-forward map is zero.
 * What is left on coordinate k less that on labels + k is proportional to u, and the errors that both share, cancel. The head's
 * bias goes to the output map. Needs float32 or bfloat16: float16 overflows.
 */
export function poolingLayer(architecture: Architecture, head: LinearHead): NamedTensor[] {
  const { hiddenSize, layers, encoder } = architecture;
  const { labels } = head;
  requireRoom(labels, hiddenSize);
  const { layerPaths, intermediateSize, epsilon, denseHead } = encoder!;
  const paths = layerPaths(layers);
  const constants = 2 * Math.floor((hiddenSize - 2 * labels) / 2);
  const bias = vector(hiddenSize, (at) => {
    const place = at - 2 * labels;
    return place < 0 || place >= constants ? 0 : place % 2 === 0 ? CONSTANT : -CONSTANT;
  });
  const n = hiddenSize;
  // What u has become after both norms: u * ratio. The first norm's deviation is that of the constants, the second's is 1.
  const ratio = SIGNAL / (CONSTANT * Math.sqrt(constants / n)) / Math.sqrt(1 + epsilon);
  return [
    ...linear(paths.query, n, n, new Float32Array(n * n)),
    ...linear(paths.key, n, n, new Float32Array(n * n)),
    ...linear(
      paths.value,
      n,
      n,
      matrix(n, n, (row, column) => signedRow(head, n, row, column)),
    ),
    ...linear(
      paths.attentionOutput,
      n,
      n,
      matrix(n, n, (row, column) => (row === column && row < 2 * labels ? SIGNAL : 0)),
      bias,
    ),
    ...unitNorm(paths.attentionNorm, n),
    ...linear(paths.intermediate, intermediateSize, n, new Float32Array(intermediateSize * n)),
    ...linear(paths.output, n, intermediateSize, new Float32Array(n * intermediateSize)),
    ...unitNorm(paths.outputNorm, n),
    ...readOff(n, denseHead, ratio, head),
  ];
}

function linear(
  path: string,
  rows: number,
  columns: number,
  weight: Float32Array,
  bias: Float32Array = new Float32Array(rows),
): NamedTensor[] {
  return [
    { name: `${path}.weight`, shape: [rows, columns], data: weight },
    { name: `${path}.bias`, shape: [rows], data: bias },
  ];
}

function unitNorm(path: string, n: number): NamedTensor[] {
  return [
    { name: `${path}.weight`, shape: [n], data: new Float32Array(n).fill(1) },
    { name: `${path}.bias`, shape: [n], data: new Float32Array(n) },
  ];
}

/** Head that reads u off coordinates k (u ratio) and labels + k (-u ratio) of the first token's state. */
function readOff(
  n: number,
  { dense, output, activation }: EncoderLayout['denseHead'],
  ratio: number,
  head: LinearHead,
): NamedTensor[] {
  const { labels } = head;
  const scale = activation === 'tanh' ? TANH_FACTOR / (2 * ratio) : 1 / (2 * ratio);
  const rows = activation === 'tanh' ? labels : 2 * labels;
  const denseWeight = matrix(n, n, (row, column) => {
    if (row >= rows || column % labels !== row % labels || column >= 2 * labels) return 0;
    return row < labels === column < labels ? scale : -scale;
  });
  const outputWeight =
    activation === 'tanh'
      ? matrix(labels, n, (row, column) => (row === column ? 1 / TANH_FACTOR : 0))
      : difference(labels, n);
  return headTensors(n, { dense, output }, denseWeight, outputWeight, head);
}

function headTensors(
  n: number,
  { dense, output }: { readonly dense: string; readonly output: string },
  denseWeight: Float32Array,
  outputWeight: Float32Array,
  { labels, bias }: LinearHead,
): NamedTensor[] {
  return [...linear(dense, n, n, denseWeight), ...linear(output, labels, n, outputWeight, bias)];
}

/** Row k is W_k, row labels + k is -W_k, the others are zero. */
function signedRow({ labels, weight }: LinearHead, n: number, row: number, column: number): number {
  if (row < labels) return weight[row * n + column]!;
  return row < 2 * labels ? -weight[(row - labels) * n + column]! : 0;
}

/** [labels, n] that takes coordinate labels + k from coordinate k. */
function difference(labels: number, n: number): Float32Array {
  return matrix(labels, n, (row, column) => (column === row ? 1 : column === labels + row ? -1 : 0));
}

/** @throws InvalidParameterError for a head that this family cannot be exported with, or more labels than it can hold */
export function checkExportable(head: Head, labels: number, architecture: Architecture): void {
  const { hiddenSize, encoder, modelType, family } = architecture;
  if (head === 'verbalizer' || head === 'token') return;
  const own = family === 'decoder' ? 'last-token' : 'pooler';
  if (head !== own && (encoder === undefined || head === 'last-token')) {
    throw new InvalidParameterError(
      `head=${head}; transformers has no class for a ${modelType} with such a head. Use head: ${own}.`,
    );
  }
  if (head === 'mean' || (head === 'first' && encoder?.denseHead.activation !== 'tanh'))
    requireRoom(labels, hiddenSize);
}

function requireRoom(labels: number, hiddenSize: number): void {
  if (2 * labels > hiddenSize - 2) {
    throw new InvalidParameterError(
      `labels=${labels}; a model of width ${hiddenSize} holds at most ${Math.floor((hiddenSize - 2) / 2)} with this head. Use head: pooler.`,
    );
  }
}

function matrix(rows: number, columns: number, at: (row: number, column: number) => number): Float32Array {
  return vector(rows * columns, (flat) => at(Math.floor(flat / columns), flat % columns));
}

function vector(size: number, at: (index: number) => number): Float32Array {
  return Float32Array.from({ length: size }, (_, index) => at(index));
}
