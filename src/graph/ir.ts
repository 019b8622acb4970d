/**
 * A training step as data: a small static graph of pure tensor operations.
 *
 * Dimensions are numbers or symbols. A symbol is a name (`records`, `units`, `tokens`) or a product of names and one
 * leading number in canonical form (`2*records*tokens`, names sorted). Leading axis conventions: activations are
 * [records, tokens, features]; a unit (record or user) owns records/units consecutive records. Every symbol stands
 * alone as an axis of some input, so that a run's inputs give its size.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];
/** `i8` is of parameters alone: frozen weights, which only `linearInt8` reads. */
export type DType = 'f32' | 'i32' | 'i8';

export interface Value {
  readonly id: number;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** An op without attributes: `{}`. */
export type NoAttrs = Readonly<Record<string, never>>;

/**
 * Attributes of every op. The comment gives inputs -> outputs; `...` is any number of leading axes.
 * Elementwise binary ops broadcast as NumPy does. All arithmetic is float32. Layout ops take i32 as well as f32.
 */
export interface OpAttrs {
  // --- consume a trainable parameter: each has a rule in clip.ts ---
  /** x [..., K], w -> [..., N]. w is [N, K] for `out-in` (torch Linear), [K, N] for `in-out` (GPT-2 Conv1D). */
  linear: { readonly layout: 'out-in' | 'in-out' };
  /** x [..., N], b [N] -> x + b. */
  bias: NoAttrs;
  /** ids i32 [...], table [V, D] -> [..., D]. */
  embed: NoAttrs;
  /** x [..., D], gain [D], offset [D] -> y [..., D], mean [..., 1], inverse standard deviation [..., 1]. */
  layerNorm: { readonly epsilon: number };
  /** x [..., D], gain [D] -> y [..., D], inverse root mean square [..., 1]. */
  rmsNorm: { readonly epsilon: number };

  // --- frozen weights ---
  /**
   * `linear` by a weight of 8 bits, w = scale * q: x [..., K], q i8 in the layout of w, scale f32 [rows of q] -> [..., N].
   * Only x has a derivative, which is the same op in the other layout. w is made for this one product and then gone.
   */
  linearInt8: { readonly layout: 'out-in' | 'in-out' };

  // --- products ---
  /** a [..., M, K], b [..., K, N] (each transposed on its last two axes where asked; equal leading axes) -> [..., M, N]. */
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };

  // --- elementwise ---
  add: NoAttrs;
  sub: NoAttrs;
  mul: NoAttrs;
  div: NoAttrs;
  minimum: NoAttrs;
  maximum: NoAttrs;
  /** x -> x * factor + offset. */
  affine: { readonly factor: number; readonly offset: number };
  /** a, b of i32, or of f32 -> 1 where equal, else 0 (f32). */
  equal: NoAttrs;
  /** Exact GELU, with erf. */
  gelu: NoAttrs;
  /** GELU by tanh (gelu_new, gelu_pytorch_tanh). */
  geluTanh: NoAttrs;
  silu: NoAttrs;
  relu: NoAttrs;
  tanh: NoAttrs;
  sigmoid: NoAttrs;
  /** log(1 + exp(x)), stable. */
  softplus: NoAttrs;
  erf: NoAttrs;
  exp: NoAttrs;
  log: NoAttrs;
  sqrt: NoAttrs;

  // --- along axes ---
  /** Over the last axis. */
  softmax: NoAttrs;
  sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  /** logits [..., V], labels i32 [...] -> loss [...], probabilities [..., V]. A negative label gives loss 0. */
  crossEntropy: NoAttrs;
  /** probabilities [..., V], labels i32 [...], g [...] -> d loss / d logits = (p - onehot) g; 0 where the label is negative. */
  crossEntropyGrad: NoAttrs;
  /** x [..., V], ids i32 [..., n] (equal leading axes) -> [..., n]: x at those positions of the last axis. */
  gatherLast: NoAttrs;

  // --- layout ---
  /** At least one axis of `shape` may be symbolic; sizes must agree. */
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  /** Broadcast axes of size 1 (and new leading axes) to `shape`. */
  expand: { readonly shape: Shape };
  concat: { readonly axis: number };
  /** start inclusive, end exclusive; `end` may be the axis's own symbolic size. */
  slice: { readonly axis: number; readonly start: number; readonly end: Dim };
  /** Zeros along one axis: `before` of them first, then x, then as many as make `size`. The transpose of slice. */
  pad: { readonly axis: number; readonly before: number; readonly size: Dim };
  /** [..., 2h] as halves (a, b) -> (-b, a), as rotary position embeddings of LLaMA pair them. */
  rotateHalf: NoAttrs;
}

export type Op = keyof OpAttrs;

export interface Node<O extends Op = Op> {
  readonly op: O;
  readonly attrs: OpAttrs[O];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}
/** The union over ops, for exhaustive switches on `op`. */
export type AnyNode = { [O in Op]: Node<O> }[Op];

export interface Named {
  readonly name: string;
  readonly value: Value;
}

export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | Int32Array;
}

/**
 * Nodes are in topological order. Parameters are inputs that the engine holds between runs. An output may have the
 * value of an input, parameter or constant, and several outputs may have one value.
 */
export interface Graph {
  readonly inputs: readonly Named[];
  readonly params: readonly Named[];
  readonly constants: readonly Constant[];
  readonly nodes: readonly AnyNode[];
  readonly outputs: readonly Named[];
}

/** How the clipped sum of one parameter leaves a gradient graph. */
export type SumOutput =
  | { readonly kind: 'dense'; readonly param: string; readonly output: string }
  /**
   * Rows of an embedding gradient, summed by the engine outside the graph: `ids` (i32 [n...], output name) and `rows`
   * ([n..., D], output name) mean sum[ids[i]] += rows[i].
   */
  | { readonly kind: 'rows'; readonly param: string; readonly ids: string; readonly rows: string };

/** A graph whose outputs are clipped sums and, apart, private diagnostics that never leave the machine. */
export interface GradientGraph {
  readonly graph: Graph;
  /** A parameter may appear more than once (tied embedding: dense from the output head, rows from the lookup). */
  readonly sums: readonly SumOutput[];
  /**
   * Output name of the units' gradient norms before clipping, f32 [units]; not finite where a unit's gradient is not.
   * In a gradient without clipping it names the losses instead.
   */
  readonly norms: string;
  /** Output name of the records' losses, f32 [records]. */
  readonly losses: string;
}
