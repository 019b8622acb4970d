import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../privacy/errors.ts';
import { parseJsonObject, type JsonObject } from './json.ts';
import { openWeights, type Weights } from './weights.ts';

/** The tokenizer, and how its authors mean text to be written with it: what a model made from another one takes over. */
export const PASSED_ON_FILES = [
  'generation_config.json',
  'chat_template.jinja',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
] as const;

/** Files of a model directory, beside its weights, that decide what the model computes or are passed on with it. */
export const SIDE_FILES = [
  'config.json',
  ...PASSED_ON_FILES,
  'sentence_bert_config.json',
  'modules.json',
  '1_Pooling/config.json',
] as const;

export interface FileDigest {
  /** Path inside the model directory, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** A Hugging Face model directory, opened. */
export interface ModelDirectory {
  readonly path: string;
  /** config.json as it stands; `models/` gives it a type by architecture. */
  readonly config: JsonObject;
  readonly weights: Weights;
  /** Size and SHA-256 of every file that this program uses, sorted by path. Reads each file once. */
  readonly digests: () => Promise<FileDigest[]>;
  readonly close: () => Promise<void>;
}

/**
 * Opens a Hugging Face model directory: config.json and safetensors weights. Nothing in it is executed.
 * @throws DataError naming the file at fault
 */
export async function openModel(path: string): Promise<ModelDirectory> {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new DataError(
      `model=${path}: no such directory. Name a model directory, or org/name[@revision] of the hub.`,
    );
  }
  const configPath = join(path, 'config.json');
  if (!existsSync(configPath)) {
    throw new DataError(`${configPath}: missing. A Hugging Face model directory has a config.json.`);
  }
  const config = parseJsonObject(await readFile(configPath, 'utf8'), configPath);
  if (typeof config['model_type'] !== 'string') {
    throw new DataError(
      `${configPath}: model_type=${JSON.stringify(config['model_type'])}; it must name the architecture.`,
    );
  }
  const weights = await openWeights(path);
  let digests: Promise<FileDigest[]> | undefined;
  return {
    path,
    config,
    weights,
    digests: () => (digests ??= digestFiles(path, weights.files)),
    close: weights.close,
  };
}

/** The model directory of a run, of its release, or that `path` is itself; undefined where there is none. */
export function releasedModel(path: string): string | undefined {
  return [join(path, 'release', 'model'), join(path, 'model'), path].find((candidate) =>
    existsSync(join(candidate, 'config.json')),
  );
}

async function digestFiles(path: string, weights: readonly string[]): Promise<FileDigest[]> {
  const names = [...weights, ...SIDE_FILES.filter((name) => existsSync(join(path, name)))].sort();
  const digests: FileDigest[] = [];
  for (const name of names) digests.push({ path: name, ...(await digestFile(join(path, name))) });
  return digests;
}

/** Size and SHA-256 of a file, read as a stream. */
async function digestFile(path: string): Promise<Omit<FileDigest, 'path'>> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}
