import type { Program, Tensor } from '../engines/index.ts';
import { windowOf, type Decoder } from '../models/index.ts';

/** A decoder made ready to run. */
export interface DecoderProgram {
  readonly decoder: Decoder;
  readonly program: Pick<Program, 'run'>;
}

/** Texts under way, one a row, with the keys and values of their tokens. */
export interface Decoding {
  /** Logits of each row's next token, [rows, vocabulary]. */
  readonly logits: Float32Array;
  /** Tokens of each row, its prompt included. */
  readonly lengths: readonly number[];
  /**
   * Goes on: row i becomes what row `from[i]` was, followed by `tokens[i]`. Rows may be dropped, kept and repeated.
   */
  advance(from: readonly number[], tokens: readonly number[]): Promise<void>;
}

/** Places of the cache come in blocks, so that it is seldom copied to a larger one. */
const block = 32;

/**
 * Reads prompts, each at least one token and at most the decoder's `maxTokens`, in one run.
 * @param prompts - token ids
 */
export async function startDecoding(
  { decoder, program }: DecoderProgram,
  prompts: readonly ArrayLike<number>[],
): Promise<Decoding> {
  let lengths = prompts.map(() => 0);
  let capacity = 0;
  let cache = decoder.cache.map(() => new Float32Array(0));
  let logits = new Float32Array(0);

  /** @param added - tokens that follow each row, all rows at once */
  async function run(added: readonly ArrayLike<number>[]): Promise<void> {
    const tokens = Math.max(...added.map(({ length }) => length));
    const rows = added.length;
    const needed = Math.max(...added.map(({ length }, row) => lengths[row]! + length));
    if (needed > capacity) grow(Math.ceil((needed + capacity / 4) / block) * block);
    const feeds = feedsFor({ decoder, added, lengths, tokens, capacity });
    for (const [which, { input, width }] of decoder.cache.entries())
      feeds[input] = { dims: [rows, capacity, width], data: cache[which]! };
    const results = await program.run(feeds);
    for (const [which, { output, width }] of decoder.cache.entries()) {
      const { data } = results[output]!;
      for (const [row, { length }] of added.entries()) {
        const from = row * tokens * width;
        cache[which]!.set(
          (data as Float32Array).subarray(from, from + length * width),
          (row * capacity + lengths[row]!) * width,
        );
      }
    }
    lengths = added.map(({ length }, row) => lengths[row]! + length);
    logits = results['logits']!.data as Float32Array<ArrayBuffer>;
  }

  function grow(places: number): void {
    const wider = Math.min(places, decoder.maxTokens);
    cache = regrouped(wider, [...lengths.keys()]);
    capacity = wider;
  }

  /** The cache with other places a row, and of the rows those asked for. */
  function regrouped(places: number, from: readonly number[]): Float32Array<ArrayBuffer>[] {
    return decoder.cache.map(({ width }, which) => {
      const target = new Float32Array(from.length * places * width);
      for (const [row, source] of from.entries()) {
        const start = source * capacity * width;
        const kept = cache[which]!.subarray(start, start + lengths[source]! * width);
        target.set(kept, row * places * width);
      }
      return target;
    });
  }

  await run(prompts);
  return {
    get logits() {
      return logits;
    },
    get lengths() {
      return lengths;
    },
    async advance(from, tokens) {
      if (from.length !== lengths.length || from.some((source, row) => source !== row)) {
        cache = regrouped(capacity, from);
        lengths = from.map((source) => lengths[source]!);
      }
      await run(tokens.map((token) => [token]));
    },
  };
}

interface FeedRequest {
  readonly decoder: Decoder;
  readonly added: readonly ArrayLike<number>[];
  readonly lengths: readonly number[];
  readonly tokens: number;
  readonly capacity: number;
}

/** What the decoder takes beside the cache; see `Decoder`. */
function feedsFor({ decoder, added, lengths, tokens, capacity }: FeedRequest): Record<string, Tensor> {
  const rows = added.length;
  const [ids, positions] = [new Int32Array(rows * tokens), new Int32Array(rows * tokens)];
  const [place, last] = [new Float32Array(rows * capacity * tokens), new Float32Array(rows * tokens)];
  for (const [row, text] of added.entries()) {
    const start = lengths[row]!;
    ids.set(text, row * tokens);
    for (let at = 0; at < text.length; at++) {
      positions[row * tokens + at] = start + at;
      place[(row * capacity + start + at) * tokens + at] = 1;
    }
    last[row * tokens + text.length - 1] = 1;
  }
  const all: Record<string, Tensor> = {
    ids: { dims: [rows, tokens], data: ids },
    positions: { dims: [rows, tokens], data: positions },
    place: { dims: [rows, capacity, tokens], data: place },
    last: { dims: [rows, 1, tokens], data: last },
  };
  const feeds: Record<string, Tensor> = {};
  for (const spec of decoder.inputs) {
    const window = windowOf(spec);
    if (window !== undefined) {
      const visible = new Float32Array(rows * tokens * capacity);
      for (let at = 0; at < positions.length; at++) {
        const position = positions[at]!;
        visible.fill(1, at * capacity + Math.max(0, position - window + 1), at * capacity + position + 1);
      }
      feeds[spec.name] = { dims: [rows, tokens, capacity], data: visible };
    } else if (all[spec.name]) feeds[spec.name] = all[spec.name]!;
  }
  return feeds;
}
