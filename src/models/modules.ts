import type { DType, GraphBuilder, Shape, Value } from '../graph/index.ts';
import { createCache, type Cache } from './cache.ts';
import type { Init, ParameterSpec, Place } from './parameters.ts';
import { outputsFirst, scaleName } from './rounding.ts';

/** Low-rank adapters (Hu et al., arXiv:2106.09685): W x + (alpha / rank) B A x, with B zero at first. */
export interface LoraSettings {
  readonly rank: number;
  readonly alpha: number;
  /** Probability that an input of A is dropped. */
  readonly dropout: number;
  /** Module names, or the ends of their paths after a dot; `all-linear` for every linear map of the layers. */
  readonly targets: readonly string[];
}

export interface InputSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A dropout mask that each training run feeds: 0 with probability `rate`, else 1 / (1 - rate). */
export interface DropoutSpec extends InputSpec {
  readonly rate: number;
}

/** Weight layout of a linear map: `out-in` is torch's Linear, `in-out` GPT-2's Conv1D. */
type Layout = 'out-in' | 'in-out';

/** A linear map with LoRA factors. */
export interface Adapted {
  readonly path: string;
  /** Of its weight; the factors are out-in always. */
  readonly layout: Layout;
  readonly inputs: number;
  readonly outputs: number;
}

/** Layers with parameters, over a graph; what was used is listed. Activations are [..., features]. */
export interface Modules {
  readonly builder: GraphBuilder;
  readonly maxTokens: number;
  readonly inputs: readonly InputSpec[];
  readonly dropouts: readonly DropoutSpec[];
  readonly params: readonly ParameterSpec[];
  readonly adapted: readonly Adapted[];
  /** An input of the graph; asked for again, the same. */
  readonly input: (name: string, dtype: DType, shape: Shape) => Value;
  readonly linear: (path: string, x: Value, outputs: number, options: LinearOptions) => Value;
  /** ids i32 [...] -> [..., width] from the table `path`.weight. */
  readonly embed: (path: string, ids: Value, rows: number, width: number, place: Place) => Value;
  /** x [..., width] -> [..., rows] by the table `path`.weight of an embedding, with a bias of the given name where there is one. */
  readonly tied: (path: string, x: Value, rows: number, bias?: string) => Value;
  /** @param bias - whether it has an offset; default yes */
  readonly layerNorm: (path: string, x: Value, epsilon: number, place: Place, bias?: boolean) => Value;
  /** @param offset - 1 where the gain is 1 plus the parameter; default 0 */
  readonly rmsNorm: (path: string, x: Value, epsilon: number, place: Place, offset?: 0 | 1) => Value;
  /** Keys and values of earlier tokens; absent where every run has whole records. */
  readonly cache: Cache | undefined;
  /** A constant; asked for by the same name again, the same. */
  readonly table: (name: string, shape: readonly number[], value: (at: number) => number) => Value;
  /** Drops entries with the network's dropout rate (none where it is 0). */
  readonly drop: (x: Value) => Value;
}

interface LinearOptions {
  readonly place: Place;
  readonly layout?: Layout;
  readonly bias?: boolean;
  /** Zero weights at first, rather than random ones. */
  readonly zero?: boolean;
}

export interface ModuleSettings {
  /** Standard deviation of random initial weights. */
  readonly initializerRange: number;
  readonly dropout: number;
  readonly lora: LoraSettings | undefined;
  /** Longest input that constants are made for. */
  readonly maxTokens: number;
  /** Whether keys and values of earlier tokens are given; default no. */
  readonly cached?: boolean;
  /** Names of frozen weights of linear maps that are held in 8 bits; default none. */
  readonly int8?: ReadonlySet<string> | undefined;
}

export function createModules(builder: GraphBuilder, settings: ModuleSettings): Modules {
  const inputs: InputSpec[] = [];
  const inputValues = new Map<string, Value>();
  const dropouts: DropoutSpec[] = [];
  const params = new Map<string, ParameterSpec>();
  const adapted: Adapted[] = [];
  const tables = new Map<string, Value>();
  const random: Init = { kind: 'normal', deviation: settings.initializerRange };

  const param = (spec: ParameterSpec): Value => {
    // A tied parameter belongs where it is used first.
    if (!params.has(spec.name)) params.set(spec.name, spec);
    return builder.param(spec.name, spec.shape);
  };

  const weighted = (x: Value, weight: ParameterSpec, layout: Layout): Value => {
    if (!settings.int8?.has(weight.name)) return builder.linear(x, param(weight), layout);
    params.set(weight.name, { ...weight, int8: layout });
    const [outputs, inputsCount] = outputsFirst(weight.shape, layout);
    const rounded = builder.param(weight.name, [outputs, inputsCount], 'i8');
    return builder.linearInt8(x, rounded, builder.param(scaleName(weight.name), [outputs]), 'out-in');
  };

  const input = (name: string, dtype: DType, shape: Shape): Value => {
    let value = inputValues.get(name);
    if (value === undefined) {
      value = builder.input(name, dtype, shape);
      inputValues.set(name, value);
      inputs.push({ name, dtype, shape });
    }
    return value;
  };

  const table: Modules['table'] = (name, shape, value) => {
    let known = tables.get(name);
    if (known === undefined) {
      const size = shape.reduce((product, dim) => product * dim, 1);
      known = builder.constant(
        Float32Array.from({ length: size }, (_, at) => value(at)),
        shape,
      );
      tables.set(name, known);
    }
    return known;
  };

  const dropWith = (x: Value, rate: number): Value => {
    if (rate === 0) return x;
    const spec: DropoutSpec = { name: `dropout.${dropouts.length}`, dtype: 'f32', shape: x.shape, rate };
    dropouts.push(spec);
    return builder.mul(x, builder.input(spec.name, spec.dtype, spec.shape));
  };

  const adapter = (
    x: Value,
    place: Place,
    { path, layout, inputs: width, outputs }: Adapted,
  ): Value | undefined => {
    const { lora } = settings;
    if (lora === undefined || !isTarget(path, place, lora.targets)) return undefined;
    adapted.push({ path, layout, inputs: width, outputs });
    const factor = (name: string, shape: readonly number[], init: Init): Value =>
      param({ name: `${path}.${name}.weight`, shape, init, place, role: 'lora' });
    // Kaiming's uniform with a = sqrt(5), as peft: bound sqrt(6 / ((1 + 5) n)) for n inputs.
    const a = factor('lora_A', [lora.rank, width], { kind: 'uniform', bound: 1 / Math.sqrt(width) });
    const b = factor('lora_B', [outputs, lora.rank], { kind: 'zeros' });
    const low = builder.linear(dropWith(x, lora.dropout), a, 'out-in');
    return builder.linear(builder.affine(low, lora.alpha / lora.rank), b, 'out-in');
  };

  return {
    builder,
    maxTokens: settings.maxTokens,
    inputs,
    dropouts,
    adapted,
    get params() {
      return [...params.values()];
    },
    input,
    cache: settings.cached ? createCache(builder, input) : undefined,
    table,
    tied: (path, x, rows, bias) => {
      const shape = [rows, x.shape.at(-1) as number];
      const words = param({
        name: `${path}.weight`,
        shape,
        init: random,
        place: 'embeddings',
        role: 'table',
      });
      const y = builder.linear(x, words, 'out-in');
      if (bias === undefined) return y;
      return builder.bias(
        y,
        param({ name: bias, shape: [rows], init: { kind: 'zeros' }, place: 'head', role: 'bias' }),
      );
    },
    drop: (x) => dropWith(x, settings.dropout),
    linear: (path, x, outputs, { place, layout = 'out-in', bias = true, zero = false }) => {
      const inputsCount = x.shape.at(-1) as number;
      const shape = layout === 'out-in' ? [outputs, inputsCount] : [inputsCount, outputs];
      const init = zero ? ({ kind: 'zeros' } as const) : random;
      let y = weighted(x, { name: `${path}.weight`, shape, init, place, role: 'weight' }, layout);
      const low = adapter(x, place, { path, layout, inputs: inputsCount, outputs });
      if (low !== undefined) y = builder.add(y, low);
      if (!bias) return y;
      return builder.bias(
        y,
        param({ name: `${path}.bias`, shape: [outputs], init: { kind: 'zeros' }, place, role: 'bias' }),
      );
    },
    embed: (path, ids, rows, width, place) =>
      builder.embed(
        ids,
        param({ name: `${path}.weight`, shape: [rows, width], init: random, place, role: 'table' }),
      ),
    layerNorm: (path, x, epsilon, place, bias = true) => {
      const shape = [x.shape.at(-1) as number];
      const gain = param({ name: `${path}.weight`, shape, init: { kind: 'ones' }, place, role: 'gain' });
      const offset = bias
        ? param({ name: `${path}.bias`, shape, init: { kind: 'zeros' }, place, role: 'bias' })
        : table(`zeros ${shape[0]}`, shape, () => 0);
      return builder.layerNorm(x, gain, offset, epsilon).y;
    },
    rmsNorm: (path, x, epsilon, place, offset = 0) => {
      const shape = [x.shape.at(-1) as number];
      const init = { kind: offset === 1 ? 'zeros' : 'ones' } as const;
      const gain = param({ name: `${path}.weight`, shape, init, place, role: 'gain' });
      const y = builder.rmsNorm(x, gain, epsilon).y;
      // The gain itself goes into the norm, whose rule then gives its gradient; the 1 is a norm of its own.
      return offset === 0
        ? y
        : builder.add(
            y,
            builder.rmsNorm(
              x,
              table(`ones ${shape[0]}`, shape, () => 1),
              epsilon,
            ).y,
          );
    },
  };
}

/**
 * peft's rule: a target names a module, or its path ends in a dot and the target. A classifier's head is never adapted; a
 * language model's output map only where it is named.
 */
function isTarget(path: string, place: Place, targets: readonly string[]): boolean {
  if (place === 'final') return targets.includes(path);
  if (typeof place !== 'object') return false;
  return targets.some((target) => target === 'all-linear' || path === target || path.endsWith(`.${target}`));
}
