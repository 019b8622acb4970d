import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DataError } from '../../privacy/errors.ts';
import { isJsonObject, parseJsonObject } from './json.ts';
import { openSafetensors, type SafetensorsFile } from './safetensors.ts';
import type { TensorInfo } from './safetensors-header.ts';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** Pickle formats: reading one runs whatever code it holds. */
const PICKLED = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'tf_model.h5', 'flax_model.msgpack'];

/** A checkpoint's tensors, whatever number of files they lie in. */
export interface Weights {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Base names of the files read. */
  readonly files: readonly string[];
  /** One tensor as float32, row-major; read from disk at each call. */
  readonly read: (name: string) => Promise<Float32Array>;
  readonly close: () => Promise<void>;
}

/**
 * Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
 * @throws DataError where there is neither, where only a pickle is there, or where index and shards disagree
 */
export async function openWeights(directory: string): Promise<Weights> {
  if (existsSync(join(directory, SINGLE))) {
    const file = await openSafetensors(join(directory, SINGLE));
    return { tensors: file.tensors, files: [SINGLE], read: file.read, close: file.close };
  }
  if (existsSync(join(directory, INDEX))) return openShards(directory);
  const pickled = PICKLED.find((name) => existsSync(join(directory, name)));
  if (pickled !== undefined) {
    throw new DataError(
      `${join(directory, pickled)}: only safetensors is read; a pickle runs code from the file when it is opened. ` +
        `Where you trust it, convert it: python -c "from transformers import AutoModel; AutoModel.from_pretrained('${directory}').save_pretrained('converted', safe_serialization=True)", and copy the tokenizer files too.`,
    );
  }
  throw new DataError(`${directory}: no ${SINGLE} and no ${INDEX}; name a Hugging Face model directory.`);
}

async function openShards(directory: string): Promise<Weights> {
  const index = join(directory, INDEX);
  const map = weightMap(await readFile(index, 'utf8'), index);
  const names = [...new Set(map.values())].sort();
  const shards = new Map<string, SafetensorsFile>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    for (const name of names) {
      if (!existsSync(join(directory, name)))
        throw new DataError(`${index}: shard ${name} is missing; download it.`);
      shards.set(name, await openSafetensors(join(directory, name)));
    }
    const tensors = new Map<string, TensorInfo>();
    for (const [shardName, shard] of shards) {
      for (const [name, info] of shard.tensors) {
        if (map.get(name) !== shardName) {
          const listed = map.get(name) ?? 'nowhere';
          throw new DataError(
            `${shard.path}: tensor ${JSON.stringify(name)} is here, but ${INDEX} has it ${listed}.`,
          );
        }
        tensors.set(name, info);
      }
    }
    const absent = [...map.keys()].filter((name) => !tensors.has(name));
    if (absent.length > 0)
      throw new DataError(`${index}: tensors listed but in no shard: ${absent.join(', ')}.`);
    return {
      tensors,
      files: [INDEX, ...names],
      read: async (name) => {
        const shard = shards.get(map.get(name) ?? '');
        if (shard === undefined) throw new DataError(`${index}: no tensor ${JSON.stringify(name)}.`);
        return shard.read(name);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function weightMap(text: string, label: string): Map<string, string> {
  const map = parseJsonObject(text, label)['weight_map'];
  if (!isJsonObject(map)) throw new DataError(`${label}: weight_map must map tensor names to shard files.`);
  return new Map(
    Object.entries(map).map(([name, file]) => {
      // A path here could reach any file of the machine.
      if (typeof file !== 'string' || basename(file) !== file || !file.endsWith('.safetensors')) {
        throw new DataError(
          `${label}: shard=${JSON.stringify(file)}; it must be the plain name of a .safetensors file.`,
        );
      }
      return [name, file];
    }),
  );
}
