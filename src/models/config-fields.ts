import { DataError } from '../../privacy/errors.ts';
import type { JsonObject } from '../formats/index.ts';

/** Reads typed fields of a config.json. Every method throws DataError naming the field. */
export interface ConfigFields {
  readonly modelType: string;
  /** A whole number, at least 1. */
  readonly count: (key: string, fallback?: number) => number;
  /** A number of layers: a graph is built for each, so there is an end to it. */
  readonly layers: (key: string, fallback?: number) => number;
  /** A positive number. */
  readonly positive: (key: string, fallback: number) => number;
  readonly flag: (key: string, fallback: boolean) => boolean;
  readonly text: (key: string, fallback: string) => string;
  /** Requires that a field, where present, has one of these values. */
  readonly only: (key: string, allowed: readonly unknown[]) => void;
  readonly fail: (key: string, constraint: string) => never;
}

/** Far more than any model of these families has. */
const MOST_LAYERS = 1000;

export function configFields(config: JsonObject): ConfigFields {
  const modelType = config['model_type'] as string;
  const fail = (key: string, constraint: string): never => {
    throw new DataError(
      `config.json: ${key}=${JSON.stringify(config[key])}; ${constraint} (model_type ${modelType}).`,
    );
  };
  const count: ConfigFields['count'] = (key, fallback) => {
    const value = config[key] ?? fallback;
    return Number.isSafeInteger(value) && (value as number) >= 1
      ? (value as number)
      : fail(key, 'it must be a whole number, at least 1');
  };
  return {
    modelType,
    fail,
    count,
    layers: (key, fallback) => {
      const layers = count(key, fallback);
      return layers <= MOST_LAYERS ? layers : fail(key, `it must be at most ${MOST_LAYERS}`);
    },
    positive: (key, fallback) => {
      const value = config[key] ?? fallback;
      return typeof value === 'number' && value > 0 ? value : fail(key, 'it must be a positive number');
    },
    flag: (key, fallback) => {
      const value = config[key] ?? fallback;
      return typeof value === 'boolean' ? value : fail(key, 'it must be true or false');
    },
    text: (key, fallback) => {
      const value = config[key] ?? fallback;
      return typeof value === 'string' ? value : fail(key, 'it must be text');
    },
    only: (key, allowed) => {
      const value = config[key];
      if (value !== undefined && value !== null && !allowed.includes(value)) {
        fail(key, `only ${allowed.map((option) => JSON.stringify(option)).join(' or ')} is supported`);
      }
    },
  };
}
