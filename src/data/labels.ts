import { InvalidParameterError } from '../../privacy/index.ts';
import { show } from './problems.ts';

/** What a record is asked: one of several names, any number of them, a number, a tag a word, a text that goes on; or nothing, to predict. */
export type Task =
  'single-label' | 'multi-label' | 'regression' | 'token-classification' | 'generation' | 'unlabelled';

/** Labels of a store's records, in the order of the records. */
export type Labels =
  | { readonly task: 'unlabelled' }
  | {
      readonly task: 'single-label';
      readonly names: LabelNames;
      /** Index into the names, [records]. */
      readonly codes: Int32Array;
    }
  | {
      readonly task: 'multi-label';
      readonly names: LabelNames;
      /** Record r has the names codes[offsets[r] .. offsets[r + 1] - 1]; [records + 1]. */
      readonly offsets: Uint32Array;
      readonly codes: Int32Array;
    }
  | { readonly task: 'regression'; readonly values: Float64Array }
  | ({ readonly task: 'token-classification'; readonly names: LabelNames } & WordTags)
  | {
      readonly task: 'generation';
      /** Index of the first token of each record that is to be learnt, at least 1, [records]; its last token is the last. */
      readonly starts: Uint32Array;
    };

/** Tags of words. Record r has the words offsets[r] .. offsets[r + 1] - 1. */
export interface WordTags {
  /** [records + 1] */
  readonly offsets: Uint32Array;
  /** Index of each word's tag into the names, [words]. */
  readonly codes: Int32Array;
  /** Index of each word's first token in its record, -1 where the model sees none of it, [words]. */
  readonly positions: Int32Array;
}

export interface LabelNames {
  readonly names: readonly string[];
  /**
   * True where the names were collected from the data. Which labels occur is then a read of private data that no noise
   * covers: a label that only one unit has reveals that unit. Declared names avoid it.
   */
  readonly discovered: boolean;
}

/** Codes of label names while rows are read; names not declared are discovered and get their final codes at the end. */
export interface LabelIndex {
  /** The value's code, or what is wrong with it. */
  codeOf(value: unknown): number | string;
  /** All names in order (declared, or sorted by number where all are numbers, else by code unit), and final codes by codes so far. */
  finish(): LabelNames & { readonly finalCodes: Int32Array };
}

/**
 * @param declared - all names in order, or `undefined` to discover them. Where no declared name looks like an integer, rows may
 *   hold indices (0, 1, ...) instead of names.
 */
export function createLabelIndex(declared: readonly string[] | undefined): LabelIndex {
  const codes = new Map<string, number>(declared?.map((name, code) => [name, code]));
  if (declared && codes.size < declared.length) {
    throw new InvalidParameterError(`labels=${show(declared)}: a name occurs twice; name each label once`);
  }
  const acceptsIndices = declared !== undefined && !declared.some((name) => INTEGER.test(name));
  return {
    codeOf(value) {
      const name = labelName(value);
      if (name === undefined) return `label=${show(value)}, must be a string, number or boolean`;
      if (name === '') return 'label is empty, must be a label';
      const code = codes.get(name);
      if (code !== undefined) return code;
      if (!declared) {
        codes.set(name, codes.size);
        return codes.size - 1;
      }
      if (acceptsIndices && INTEGER.test(name) && Number(name) < declared.length) return Number(name);
      return `label=${show(value)}, must be one of ${listOf(declared)}`;
    },
    finish() {
      const names = declared ?? [...codes.keys()].sort(byNumberOrCodeUnit(codes.keys()));
      const finalCodes = new Int32Array(codes.size);
      for (const [code, name] of names.entries()) finalCodes[codes.get(name)!] = code;
      return { names, discovered: declared === undefined, finalCodes };
    },
  };
}

const INTEGER = /^(?:0|[1-9][0-9]{0,8})$/;
const NUMBER = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

function labelName(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.trim();
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined;
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return undefined;
  }
}

function byNumberOrCodeUnit(names: Iterable<string>): (a: string, b: string) => number {
  const allNumbers = [...names].every((name) => NUMBER.test(name));
  return (a, b) =>
    allNumbers && Number(a) !== Number(b) ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0;
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, 10).map(show).join(', ');
  return names.length > 10 ? `${shown}, ... (${names.length})` : shown;
}

/** A regression target, or what is wrong with it. */
export function parseTarget(value: unknown): number | string {
  const number =
    typeof value === 'number' || typeof value === 'bigint'
      ? Number(value)
      : typeof value === 'string' && NUMBER.test(value.trim())
        ? Number(value)
        : Number.NaN;
  return Number.isFinite(number) ? number : `label=${show(value)}, must be a finite number`;
}

/** The several labels of one value: a list, its JSON text, or names separated by `;`. An empty list is allowed. */
export function parseLabelList(value: unknown): readonly unknown[] | string {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string') return `label=${show(value)}, must be a list of labels`;
  const text = value.trim();
  if (text === '') return [];
  if (!text.startsWith('[')) return text.split(';');
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list;
  } catch {
    // Reported below with the text itself.
  }
  return `label=${show(value)}, must be a JSON list or names separated by ";"`;
}
