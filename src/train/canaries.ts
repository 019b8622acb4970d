import { canonicalHash, DataError, InvalidParameterError, reproducibleRng } from '../../privacy/index.ts';
import type { PrivacyStream, ReproducibleRng } from '../../privacy/index.ts';
import type { Config } from '../config/index.ts';
import type { Labels, TokenStore } from '../data/index.ts';
import type { AuditPart } from './audit-part.ts';
import { createTemplateEncoder, verbalizerOf } from './label-words.ts';
import type { BaseModel } from './base-model.ts';
import { jobEncoder, maxLengthFor, readHeldOut } from './materials.ts';

/** Who of the canaries trains, and what it was committed to with. Secret until the canaries were scored. */
export interface Coins {
  /** 256 random bits, hexadecimal: without them the commitment could be tried out. */
  readonly nonce: string;
  /** One of 0 and 1 for each canary. */
  readonly coins: string;
  /** SHA-256 of the canonical JSON of the audit's hash and both of the above; published before training. */
  readonly commitment: string;
}

/** Tosses a fair coin for each canary. */
export function drawCoins({ canaries, hash }: AuditPart, stream: PrivacyStream): Coins {
  const nonceBytes = new Uint8Array(32);
  stream.fillBytes(nonceBytes);
  const nonce = Buffer.from(nonceBytes).toString('hex');
  const coins = Array.from({ length: canaries }, () => (stream.bernoulli(0.5) ? '1' : '0')).join('');
  return { nonce, coins, commitment: commitmentOf(hash, { nonce, coins }) };
}

/** What coins are committed to with. */
export function commitmentOf(audit: string, { nonce, coins }: Pick<Coins, 'nonce' | 'coins'>): string {
  return canonicalHash({ audit, nonce, coins });
}

/** Tokens of a made-up canary beside its special ones. */
const wordsInCanary = 8;

/**
 * The canaries of a plan, each a unit of one record: the same for everyone who has the plan, the model and, for mislabelled ones,
 * the public file. They depend on no private data.
 * @param labels - the names that the model knows
 * @throws InvalidParameterError or DataError where the job's task or model has no such canaries
 */
export async function makeCanaries(
  config: Config,
  part: AuditPart,
  model: BaseModel,
  labels: Labels,
): Promise<TokenStore> {
  const rng = reproducibleRng(`canaries ${part.hash}`);
  if (part.canaryDesign === 'mislabelled') return mislabelled(config, part, model, labels, rng);
  const pool = part.canaryDesign === 'new-token' ? reservedTokens(model) : undefined;
  const draw = (own: ReproducibleRng): number =>
    pool ? pool[own.integer(pool.length)]! : anyToken(model, own);
  const { before, after } = frameOf(config, model);
  const room = maxLengthFor(config, model) - before.length - after.length;
  const words = Math.min(wordsInCanary, room);
  const texts = Array.from({ length: part.canaries }, (_, index) => {
    const own = rng.fork(index);
    return [...before, ...Array.from({ length: words }, () => draw(own)), ...after];
  });
  return storeOf(texts, randomLabels(labels, texts, before.length, words, rng.fork('labels')));
}

/** What is around a text of the job's task: special tokens, and the template of label words. */
function frameOf(
  config: Config,
  model: BaseModel,
): { readonly before: readonly number[]; readonly after: readonly number[] } {
  const { tokenizer } = model;
  const verbalizer = verbalizerOf(config, model, maxLengthFor(config, model));
  if (verbalizer) return createTemplateEncoder(model, verbalizer);
  if (config.task === 'generation') return { before: tokenizer.opening, after: [] };
  const frame = [...tokenizer.encode('').ids];
  const { sep, eos } = tokenizer.special;
  const closes = frame.length > 0 && [sep, eos].includes(frame.at(-1));
  return closes ? { before: frame.slice(0, -1), after: frame.slice(-1) } : { before: frame, after: [] };
}

/** A token with text of its own. */
function anyToken({ tokenizer }: BaseModel, rng: ReproducibleRng): number {
  for (let tries = 0; tries < 1000; tries++) {
    const id = rng.integer(tokenizer.size);
    if (tokenizer.decode([id]).trim() !== '') return id;
  }
  throw new DataError(
    'audit.design=random-token: the tokenizer has hardly a token with text. Use mislabelled.',
  );
}

/** Tokens that the vocabulary keeps free, such as BERT's [unused1]. */
function reservedTokens({ tokenizer }: BaseModel): readonly number[] {
  const isFree = /^\s*(\[unused\d+\]|<\|?(unused|reserved|extra)\w*\|?>)\s*$/i;
  const free = Array.from({ length: tokenizer.size }, (_, id) => id).filter((id) =>
    isFree.test(tokenizer.decode([id])),
  );
  if (free.length >= wordsInCanary) return free;
  throw new InvalidParameterError(
    `audit.design=new-token: the model's vocabulary has ${free.length} unused tokens, and ${wordsInCanary} are needed. Choose random-token.`,
  );
}

/**
 * @param before - tokens before the words of each text
 * @param words - tokens of each that are words
 */
function randomLabels(
  labels: Labels,
  texts: readonly (readonly number[])[],
  before: number,
  words: number,
  rng: ReproducibleRng,
): Labels {
  switch (labels.task) {
    case 'single-label':
      return { ...labels, codes: Int32Array.from(texts, () => rng.integer(labels.names.names.length)) };
    case 'multi-label': {
      const chosen = texts.map(() =>
        labels.names.names.flatMap((_, code) => (rng.uniform() < 0.5 ? [code] : [])),
      );
      return { ...labels, ...ragged(chosen) };
    }
    case 'token-classification': {
      const { names } = labels.names;
      const places = Array.from({ length: words }, (_, word) => before + word);
      const { codes: positions, offsets } = ragged(texts.map(() => places));
      return { ...labels, offsets, positions, codes: positions.map(() => rng.integer(names.length)) };
    }
    case 'generation':
      // The last token is the secret, the others its prefix.
      return { ...labels, starts: Uint32Array.from(texts, ({ length }) => length - 1) };
    default:
      throw new InvalidParameterError(
        `audit.canaries: there are none for task ${labels.task}. Leave audit out.`,
      );
  }
}

async function mislabelled(
  config: Config,
  part: AuditPart,
  model: BaseModel,
  labels: Labels,
  rng: ReproducibleRng,
): Promise<TokenStore> {
  if (!('names' in labels)) {
    throw new InvalidParameterError(
      `audit.design=mislabelled: task ${labels.task} has no labels. Choose random-token.`,
    );
  }
  const encoder = jobEncoder(config, model);
  const plain = { ...config, evaluate: { ...config.evaluate, slices: [] } };
  const source = await readHeldOut(plain, config.audit.source!, encoder, labels.names.names);
  if (source.records < part.canaries) {
    throw new DataError(
      `audit.source: has ${source.records} records, and audit.canaries=${part.canaries}. Give as many, or plan fewer.`,
    );
  }
  const order = rng.shuffle(Uint32Array.from({ length: source.records }, (_, record) => record));
  const places = [...order.subarray(0, part.canaries)];
  const texts = places.map((place) => [
    ...source.ids.subarray(source.offsets[place], source.offsets[place + 1]),
  ]);
  const count = labels.names.names.length;
  if (source.labels.task === 'single-label') {
    const { codes } = source.labels;
    const wrong = places.map((place) => (codes[place]! + 1 + rng.integer(count - 1)) % count);
    return storeOf(texts, { ...source.labels, names: labels.names, codes: Int32Array.from(wrong) });
  }
  if (source.labels.task !== 'multi-label') throw new InvalidParameterError('audit.source: has no labels.');
  const { codes, offsets } = source.labels;
  const opposite = places.map((place) => {
    const own = new Set(codes.subarray(offsets[place], offsets[place + 1]));
    return labels.names.names.flatMap((_, code) => (own.has(code) ? [] : [code]));
  });
  return storeOf(texts, { task: 'multi-label', names: labels.names, ...ragged(opposite) });
}

function ragged(rows: readonly (readonly number[])[]): { offsets: Uint32Array; codes: Int32Array } {
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, index) => (offsets[index + 1] = offsets[index]! + row.length));
  return { offsets, codes: Int32Array.from(rows.flat()) };
}

function storeOf(texts: readonly (readonly number[])[], labels: Labels): TokenStore {
  const { offsets, codes: ids } = ragged(texts);
  return {
    records: texts.length,
    units: texts.length,
    unitOffsets: Uint32Array.from({ length: texts.length + 1 }, (_, unit) => unit),
    ids,
    offsets,
    typeIds: undefined,
    labels,
    slices: [],
    flags: new Uint8Array(texts.length),
    unknown: new Uint16Array(texts.length),
    counts: { rows: texts.length, duplicates: 0, unitsOverLimit: 0, overLimit: 0, cleaned: {} },
  };
}
