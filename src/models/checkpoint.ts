import { DataError } from '../../privacy/errors.ts';
import type { TensorInfo, Weights } from '../formats/index.ts';
import { GraphBuilder } from '../graph/index.ts';
import type { Architecture } from './architecture.ts';
import { createModules } from './modules.ts';
import { withOwnHead } from './own-export.ts';
import { initialValues, type InitRng, type ParameterSpec } from './parameters.ts';
import { outputsFirst, roundWeight, scaleName } from './rounding.ts';

/** Values of parameters by name, row-major. */
export type ParameterValues = Map<string, Float32Array>;

/** What a network's parameters begin as. */
interface Beginning {
  /** Parameters that begin afresh: a new head, LoRA factors. */
  readonly fresh: readonly string[];
  /** Tensors of the checkpoint, by their names there, that this network has no use for, such as other heads. */
  readonly unused: readonly string[];
}

export interface LoadedParameters extends Beginning {
  readonly values: ParameterValues;
}

/** A network's parameters, to be read one at a time. */
export interface StoredParameters extends Beginning {
  readonly read: (spec: ParameterSpec) => Promise<Float32Array>;
}

export interface LoadOptions {
  readonly architecture: Architecture;
  readonly params: readonly ParameterSpec[];
  /** Begins what is fresh. */
  readonly rng: InitRng;
  /** Whether the head begins afresh (default), must come from the checkpoint, or comes from it where it is there. */
  readonly head?: 'fresh' | 'checkpoint' | 'if-present';
}

/** Reads all of a network's parameters; see `findParameters`. */
export async function loadParameters(checkpoint: Weights, options: LoadOptions): Promise<LoadedParameters> {
  const { read, fresh, unused } = findParameters(checkpoint, options);
  const values: ParameterValues = new Map();
  for (const spec of options.params) values.set(spec.name, await read(spec));
  return { values, fresh, unused };
}

/**
 * Finds a network's parameters in a checkpoint of its architecture, or of the bare model without head.
 * @throws DataError that lists every tensor that is missing, of a wrong shape, or not of this architecture
 */
export function findParameters(checkpoint: Weights, options: LoadOptions): StoredParameters {
  const { architecture, params, rng, head = 'fresh' } = options;
  const weights = withOwnHead(checkpoint, architecture);
  const stored = storedNames(weights.tensors, architecture.prefix);
  const fresh: string[] = [];
  const problems: string[] = [];
  const found = new Map<string, string>();
  for (const { name, shape, place, role } of params) {
    const ownHead = place === 'head' && !name.startsWith(`${architecture.prefix}.`);
    const mayBeFresh = role === 'lora' || (place === 'head' && head !== 'checkpoint');
    const storedName = role === 'lora' || (ownHead && head === 'fresh') ? undefined : stored.get(name);
    if (storedName === undefined) {
      if (mayBeFresh) fresh.push(name);
      else problems.push(`missing ${name} [${shape.join(',')}]`);
      continue;
    }
    const own = weights.tensors.get(storedName)!.shape;
    if (own.join() === shape.join()) found.set(name, storedName);
    else problems.push(`${storedName} has shape [${own.join(',')}], expected [${shape.join(',')}]`);
  }
  const known = new Set([...params, ...bodyParameters(architecture)].map(({ name }) => name));
  const unused: string[] = [];
  for (const [name, storedName] of stored) {
    if (found.has(name)) continue;
    if (known.has(name) || name.startsWith('head.') || architecture.unused.test(name))
      unused.push(storedName);
    else problems.push(`unexpected ${storedName}`);
  }
  if (problems.length > 0) {
    throw new DataError(
      `${weights.files.join(', ')}: does not fit config.json (model_type ${architecture.modelType}): ${problems.join('; ')}.`,
    );
  }
  return {
    fresh,
    unused,
    read: async (spec) => {
      const storedName = found.get(spec.name);
      return storedName === undefined ? initialValues(spec, rng) : weights.read(storedName);
    },
  };
}

/** Our name of each stored tensor -> its stored name. A bare model's names lack the prefix; old ones say gamma and beta. */
function storedNames(tensors: ReadonlyMap<string, TensorInfo>, prefix: string): Map<string, string> {
  const names = [...tensors.keys()];
  const bare = !names.some((name) => name.startsWith(`${prefix}.`));
  return new Map(
    names.map((name) => {
      const renamed = name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias');
      return [bare ? `${prefix}.${renamed}` : renamed, name];
    }),
  );
}

/** Parameters of an architecture without any head, from the embeddings up. */
export function bodyParameters(architecture: Architecture): readonly ParameterSpec[] {
  const { initializerRange, layers } = architecture;
  // Constants made for positions are not needed here: one token is enough.
  const modules = createModules(new GraphBuilder(), {
    initializerRange,
    dropout: 0,
    lora: undefined,
    maxTokens: 1,
  });
  let x = architecture.embeddings(modules);
  for (let index = 0; index < layers; index++) x = architecture.layer(modules, index, x);
  architecture.final(modules, x);
  return modules.params;
}

/** A parameter as an engine takes it: float32, or 8 bits. */
export interface ParameterTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int8Array;
}

/** Parameters as an engine takes them; those of 8 bits with their scales. */
export function tensorsOf(
  params: readonly ParameterSpec[],
  values: ReadonlyMap<string, Float32Array>,
): Record<string, ParameterTensor> {
  const tensors: Record<string, ParameterTensor> = {};
  for (const { name, shape, int8 } of params) {
    const data = values.get(name);
    if (data === undefined) throw new DataError(`parameter ${name}: no values for it.`);
    if (int8 === undefined) {
      tensors[name] = { dims: shape, data };
      continue;
    }
    const { rounded, scales } = roundWeight({ name, shape, int8 }, data);
    tensors[name] = { dims: outputsFirst(shape, int8), data: rounded };
    tensors[scaleName(name)] = { dims: [scales.length], data: scales };
  }
  return tensors;
}
