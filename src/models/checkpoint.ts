import { DataError } from '../../privacy/errors.ts';
import type { TensorInfo, Weights } from '../formats/index.ts';
import { GraphBuilder } from '../graph/index.ts';
import type { Architecture } from './architecture.ts';
import type { FeedTensor } from './feeds.ts';
import { createModules } from './modules.ts';
import { withOwnHead } from './own-export.ts';
import { initialValues, type InitRng, type ParameterSpec } from './parameters.ts';

/** Values of parameters by name, row-major. */
export type ParameterValues = Map<string, Float32Array>;

export interface LoadedParameters {
  readonly values: ParameterValues;
  /** Parameters that begin afresh: a new head, LoRA factors. */
  readonly fresh: readonly string[];
  /** Tensors of the checkpoint, by their names there, that this network has no use for, such as other heads. */
  readonly unused: readonly string[];
}

export interface LoadOptions {
  readonly architecture: Architecture;
  readonly params: readonly ParameterSpec[];
  /** Begins what is fresh. */
  readonly rng: InitRng;
  /** Whether the head begins afresh (default), must come from the checkpoint, or comes from it where it is there. */
  readonly head?: 'fresh' | 'checkpoint' | 'if-present';
}

/**
 * Reads a network's parameters from a checkpoint of its architecture, or of the bare model without head.
 * @throws DataError that lists every tensor that is missing, of a wrong shape, or not of this architecture
 */
export async function loadParameters(checkpoint: Weights, options: LoadOptions): Promise<LoadedParameters> {
  const { architecture, params, rng, head = 'fresh' } = options;
  const weights = withOwnHead(checkpoint, architecture);
  const stored = storedNames(weights.tensors, architecture.prefix);
  const values: ParameterValues = new Map();
  const fresh: string[] = [];
  const problems: string[] = [];
  const read: { name: string; storedName: string }[] = [];
  for (const spec of params) {
    const { name, shape, place, role } = spec;
    const ownHead = place === 'head' && !name.startsWith(`${architecture.prefix}.`);
    const mayBeFresh = role === 'lora' || (place === 'head' && head !== 'checkpoint');
    const storedName = role === 'lora' || (ownHead && head === 'fresh') ? undefined : stored.get(name);
    if (storedName === undefined) {
      if (mayBeFresh) fresh.push(name);
      else problems.push(`missing ${name} [${shape.join(',')}]`);
      continue;
    }
    const found = weights.tensors.get(storedName)!.shape;
    if (found.join() === shape.join()) read.push({ name, storedName });
    else problems.push(`${storedName} has shape [${found.join(',')}], expected [${shape.join(',')}]`);
  }
  const known = new Set([...params, ...bodyParameters(architecture)].map(({ name }) => name));
  const unused: string[] = [];
  for (const [name, storedName] of stored) {
    if (values.has(name) || read.some((entry) => entry.name === name)) continue;
    if (known.has(name) || name.startsWith('head.') || architecture.unused.test(name))
      unused.push(storedName);
    else problems.push(`unexpected ${storedName}`);
  }
  if (problems.length > 0) {
    throw new DataError(
      `${weights.files.join(', ')}: does not fit config.json (model_type ${architecture.modelType}): ${problems.join('; ')}.`,
    );
  }
  for (const { name, storedName } of read) values.set(name, await weights.read(storedName));
  const freshNames = new Set(fresh);
  for (const spec of params) if (freshNames.has(spec.name)) values.set(spec.name, initialValues(spec, rng));
  return { values, fresh, unused };
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

/** Parameters as an engine takes them. */
export function tensorsOf(
  params: readonly ParameterSpec[],
  values: ParameterValues,
): Record<string, FeedTensor> {
  return Object.fromEntries(
    params.map(({ name, shape }) => {
      const data = values.get(name);
      if (data === undefined) throw new DataError(`parameter ${name}: no values for it.`);
      return [name, { dims: shape, data }];
    }),
  );
}
