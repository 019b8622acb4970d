import { basename } from 'node:path';
import { canonicalHash } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import {
  loadTokenizer,
  openModel,
  readChatTemplate,
  readGenerationSettings,
  resolveModel,
  type ChatTemplate,
  type JsonObject,
  type FileDigest,
  type ModelDirectory,
  type Tokenizer,
} from '../formats/index.ts';
import { architectureOf, type Architecture } from '../models/index.ts';
import { orClose } from './closing.ts';

/** A pretrained model, opened. */
export interface BaseModel {
  readonly reference: string;
  readonly directory: ModelDirectory;
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer;
  readonly padId: number;
  /** Token that ends a text, where the model has one. */
  readonly endId: number | undefined;
  readonly chat: ChatTemplate | undefined;
  /** SHA-256 over the digests of all of its files. */
  readonly digest: string;
}

/** @param path - directory of the model, as the hub or the job names it */
export async function openBaseModel(path: string, reference: string): Promise<BaseModel> {
  const directory = await openModel(path);
  return orClose(directory, async () => {
    const architecture = architectureOf(directory.config);
    const tokenizer = await loadTokenizer(path);
    const { endIds } = await readGenerationSettings(path, directory.config);
    return {
      reference,
      directory,
      architecture,
      tokenizer,
      padId: padIdOf(directory.config, architecture, [tokenizer.special.pad, endIds[0]]),
      endId: endIds[0],
      chat: await readChatTemplate(path),
      digest: digestOverFiles(await directory.digests()),
    };
  });
}

/** SHA-256 over the digests of all files of a model. */
export function digestOverFiles(files: readonly FileDigest[]): string {
  return canonicalHash(files.map(({ path, sha256 }) => [path, sha256]));
}

/** The token that pads: the configuration's, as transformers has it, else the tokenizer's, else the one that ends a text. */
function padIdOf(
  config: JsonObject,
  { vocabularySize }: Architecture,
  others: readonly (number | undefined)[],
): number {
  const isToken = (id: unknown): id is number =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabularySize;
  return [config['pad_token_id'], ...others].find(isToken) ?? 0;
}

/**
 * Opens the model that a job names, from the hub where it is no directory. Its name in documents is the hub's, with the
 * commit, or the directory's own name without its path.
 */
export async function openJobModel({ model }: Config): Promise<BaseModel> {
  const { path, hub } = await resolveModel(model);
  return openBaseModel(path, hub ? `${hub.repository}@${hub.commit}` : (stageIn(path) ?? basename(path)));
}

/** The name of the stage that made a model. */
function stageIn(path: string): string | undefined {
  const name = /[\\/]private[\\/]stages[\\/]([\w-]+)[\\/]release[\\/]model$/.exec(path)?.[1];
  return name === undefined ? undefined : `stage ${name}`;
}
