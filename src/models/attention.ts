import type { GraphBuilder, Value } from '../graph/index.ts';
import type { Modules } from './modules.ts';

/** Added to the score of a position that must not be attended to: its weight is then exactly 0 in float32. */
const FORBIDDEN = -1e9;

/** [records, tokens, heads * d] -> [records, heads, tokens, d] */
export function splitHeads(builder: GraphBuilder, x: Value, heads: number): Value {
  const width = (x.shape.at(-1) as number) / heads;
  return builder.transpose(builder.reshape(x, ['records', 'tokens', heads, width]), [0, 2, 1, 3]);
}

/** [records, heads, tokens, d] -> [records, tokens, heads * d] */
export function joinHeads(builder: GraphBuilder, x: Value): Value {
  const width = (x.shape[1] as number) * (x.shape[3] as number);
  return builder.reshape(builder.transpose(x, [0, 2, 1, 3]), ['records', 'tokens', width]);
}

/** The input `mask` (1 for tokens, 0 for padding) as a term of the scores, [records, 1, 1, tokens]. */
export function additiveMask(modules: Modules): Value {
  const mask = modules.input('mask', 'f32', ['records', 'tokens']);
  return modules.builder.affine(
    modules.builder.reshape(mask, ['records', 1, 1, 'tokens']),
    -FORBIDDEN,
    FORBIDDEN,
  );
}

/**
 * Forbids every token what follows it, [tokens, tokens]. With padding on the right, no token then sees padding.
 * @param maxTokens - longest input
 */
export function causalMask(builder: GraphBuilder, maxTokens: number): Value {
  const row = builder.slice(
    builder.constant(
      Float32Array.from({ length: maxTokens }, (_, at) => at),
      [1, maxTokens],
    ),
    1,
    0,
    'tokens',
  );
  const ahead = builder.sub(row, builder.reshape(row, ['tokens', 1]));
  return builder.affine(builder.relu(ahead), FORBIDDEN);
}
