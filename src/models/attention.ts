import type { GraphBuilder, Value } from '../graph/index.ts';
import type { Modules } from './modules.ts';

/** Added to the score of a position that must not be attended to: its weight is then exactly 0 in float32. */
const FORBIDDEN = -1e9;

/** [records, n, heads * d] -> [records, heads, n, d] */
export function splitHeads(builder: GraphBuilder, x: Value, heads: number): Value {
  const [records, count, width] = x.shape as readonly [string, string, number];
  return builder.transpose(builder.reshape(x, [records, count, heads, width / heads]), [0, 2, 1, 3]);
}

/** [records, heads, n, d] -> [records, n, heads * d] */
export function joinHeads(builder: GraphBuilder, x: Value): Value {
  const [records, heads, count, size] = x.shape as readonly [string, number, string, number];
  return builder.reshape(builder.transpose(x, [0, 2, 1, 3]), [records, count, heads * size]);
}

/** The input `mask` (1 for tokens, 0 for padding) as a term of the scores, [records, 1, 1, tokens]. */
export function additiveMask(modules: Modules): Value {
  const mask = modules.input('mask', 'f32', ['records', 'tokens']);
  return forbiddingZeros(modules.builder, modules.builder.reshape(mask, ['records', 1, 1, 'tokens']));
}

function forbiddingZeros(builder: GraphBuilder, mask: Value): Value {
  return builder.affine(mask, -FORBIDDEN, FORBIDDEN);
}

/** A decoder's attention: what its layers give it. Activations are [records, tokens, heads * headSize]. */
export interface DecoderAttention {
  readonly layer: number;
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / keyHeads heads of queries in a row. */
  readonly keyHeads: number;
  readonly headSize: number;
  /** Factor on the scores; default 1 / sqrt(headSize). */
  readonly scale?: number;
  /** A token sees itself and the window - 1 tokens before it; all before it unless given. */
  readonly window?: number | undefined;
  /** Norm and rotation of queries and keys, [records, heads, tokens, headSize]. */
  readonly prepare?: (heads: Value, of: 'query' | 'key') => Value;
}

/**
 * Each token attends to itself and those before it: [records, tokens, heads * headSize]. With padding on the right no token
 * sees padding. In a network with a cache the keys and values of earlier tokens come from it, and masks are fed.
 */
export function decoderAttention(modules: Modules, attention: DecoderAttention): Value {
  const { builder } = modules;
  const { layer, heads, keyHeads, headSize, window, prepare = (x) => x } = attention;
  const prepared = (x: Value, count: number, of: 'query' | 'key'): Value =>
    prepare(splitHeads(builder, x, count), of);
  const scale = attention.scale ?? 1 / Math.sqrt(headSize);
  const query = builder.affine(prepared(attention.query, heads, 'query'), scale);
  const newKeys = prepared(attention.key, keyHeads, 'key');
  let [keys, values] = [newKeys, splitHeads(builder, attention.value, keyHeads)];
  if (modules.cache) {
    const known = modules.cache.extend(layer, joinHeads(builder, newKeys), attention.value);
    keys = splitHeads(builder, known.keys, keyHeads);
    values = splitHeads(builder, known.values, keyHeads);
  }
  const scores = builder.matmul(query, repeatHeads(builder, keys, heads), { transposeB: true });
  const mask = modules.cache
    ? forbiddingZeros(
        builder,
        builder.reshape(modules.cache.visible(window), ['records', 1, 'tokens', 'total']),
      )
    : causalMask(modules, window);
  const weights = modules.drop(builder.softmax(builder.add(scores, mask)));
  return joinHeads(builder, builder.matmul(weights, repeatHeads(builder, values, heads)));
}

/** Forbids tokens more than `reach` places away, either way, [tokens, tokens]. */
export function distanceMask(modules: Modules, reach: number): Value {
  const { builder } = modules;
  const [row, column] = places(modules);
  const over = (from: Value, to: Value): Value =>
    builder.relu(builder.affine(builder.sub(from, to), 1, -reach));
  return builder.affine(builder.add(over(row, column), over(column, row)), FORBIDDEN);
}

/** 0, 1, ... as a row [1, tokens] and as a column [tokens, 1]. */
function places(modules: Modules): readonly [row: Value, column: Value] {
  const { builder, maxTokens } = modules;
  const all = modules.table('places', [1, maxTokens], (at) => at);
  const row = builder.slice(all, 1, 0, 'tokens');
  return [row, builder.reshape(row, ['tokens', 1])];
}

/** Forbids every token what follows it, and what lies before its window, [tokens, tokens]. */
function causalMask(modules: Modules, window: number | undefined): Value {
  const { builder, maxTokens } = modules;
  const [row, column] = places(modules);
  const ahead = builder.relu(builder.sub(row, column));
  if (window === undefined || window >= maxTokens) return builder.affine(ahead, FORBIDDEN);
  const behind = builder.relu(builder.affine(builder.sub(column, row), 1, 1 - window));
  return builder.affine(builder.add(ahead, behind), FORBIDDEN);
}

/** Each of [records, k, n, d] for heads / k query heads in a row: [records, heads, n, d]. */
function repeatHeads(builder: GraphBuilder, x: Value, heads: number): Value {
  const [records, count, length, size] = x.shape as readonly [string, number, string, number];
  if (count === heads) return x;
  const grouped = builder.reshape(x, [records, count, 1, length, size]);
  const repeated = builder.expand(grouped, [records, count, heads / count, length, size]);
  return builder.reshape(repeated, [records, heads, length, size]);
}
