import type { Value } from '../graph/index.ts';
import type { Modules } from './modules.ts';

/** Rotary positions (Su et al., arXiv:2104.09864), halves paired as in LLaMA. */
export interface Rotary {
  /** Rotated columns of a head; the others stay. */
  readonly size: number;
  /** Angle of each pair for one position, float32, [size / 2]. */
  readonly frequencies: Float32Array;
  /** Factor on sines and cosines; default 1. */
  readonly scale?: number;
}

/** Angles of each pair as transformers has them in float32: base^(-2 i / size). */
export function rotaryFrequencies(base: number, size: number): Float32Array {
  return Float32Array.from({ length: size / 2 }, (_, pair) => 1 / Math.fround(base ** ((2 * pair) / size)));
}

/**
 * Rotates [records, heads, tokens, d] by position.
 * @param name - tells this rotation from others in the network
 */
export function rotate(
  modules: Modules,
  name: string,
  { size, frequencies, scale = 1 }: Rotary,
  x: Value,
): Value {
  const { builder, maxTokens } = modules;
  const half = size / 2;
  const table = (kind: string, f: (angle: number) => number): Value => {
    const all = modules.table(`${name} ${kind}`, [maxTokens, size], (at) => {
      const [token, column] = [Math.floor(at / size), at % size];
      return scale * f(Math.fround(token * frequencies[column % half]!));
    });
    if (!modules.cache) return builder.slice(all, 0, 0, 'tokens');
    const positions = modules.input('positions', 'i32', ['records', 'tokens']);
    return builder.reshape(builder.embed(positions, all), ['records', 1, 'tokens', size]);
  };
  const [cosine, sine] = [table('cosine', Math.cos), table('sine', Math.sin)];
  const width = x.shape.at(-1) as number;
  const turned = size === width ? x : builder.slice(x, -1, 0, size);
  const result = builder.add(builder.mul(turned, cosine), builder.mul(builder.rotateHalf(turned), sine));
  return size === width ? result : builder.concat([result, builder.slice(x, -1, size, width)], -1);
}
