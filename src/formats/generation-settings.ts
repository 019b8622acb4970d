import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../privacy/errors.ts';
import { parseJsonObject, type Json, type JsonObject } from './json.ts';

/** How a model's authors mean it to write; a setting that they left open is what it is in transformers 5.23. */
export interface GenerationSettings {
  /** Tokens that end a text. The first is what training puts at the end of one. */
  readonly endIds: readonly number[];
  readonly sample: boolean;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly repetitionPenalty: number;
}

/**
 * Reads generation_config.json, and config.json for what it lacks.
 * @param config - the model's config.json
 * @throws DataError for a value of the wrong kind
 */
export async function readGenerationSettings(
  directory: string,
  config: JsonObject,
): Promise<GenerationSettings> {
  const path = join(directory, 'generation_config.json');
  const own = existsSync(path) ? parseJsonObject(await readFile(path, 'utf8'), path) : {};
  const number = (key: string, fallback: number): number => {
    const value = own[key] ?? fallback;
    if (typeof value === 'number' && value >= 0) return value;
    throw new DataError(`${path}: ${key}=${JSON.stringify(value)}; it must be a number of at least 0.`);
  };
  return {
    endIds: tokenIds(own['eos_token_id'] ?? config['eos_token_id'] ?? [], path),
    sample: own['do_sample'] === true,
    temperature: number('temperature', 1),
    topK: number('top_k', 50),
    topP: number('top_p', 1),
    repetitionPenalty: number('repetition_penalty', 1),
  };
}

function tokenIds(value: Json, path: string): number[] {
  const ids = Array.isArray(value) ? (value as readonly Json[]) : [value];
  if (ids.every((id) => Number.isSafeInteger(id) && (id as number) >= 0)) return ids as number[];
  throw new DataError(
    `${path}: eos_token_id=${JSON.stringify(value)}; it must be a token id or a list of them.`,
  );
}
