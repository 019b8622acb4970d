import type { GraphBuilder, Value } from '../graph/index.ts';
import type { InputSpec, Modules } from './modules.ts';

/** Keys and values of the tokens that came before, in a network that is run token by token. */
export interface Cache {
  /** Inputs with what is kept, in the order in which the layers asked, and the outputs to keep of this run. */
  readonly entries: readonly CacheEntry[];
  /** Keys and values [records, tokens, width] of this run with those kept: [records, total, width]. */
  readonly extend: (
    layer: number,
    keys: Value,
    values: Value,
  ) => { readonly keys: Value; readonly values: Value };
  /** 1 where a token sees a place, else 0, [records, tokens, total]. */
  readonly visible: (window: number | undefined) => Value;
}

export interface CacheEntry {
  /** f32 [records, total, width]: rows of earlier tokens, zeros elsewhere. */
  readonly input: string;
  /** f32 [records, tokens, width]: rows of this run's tokens. */
  readonly output: string;
  readonly width: number;
}

/** Input name of the mask for a window. */
export function visibleName(window: number | undefined): string {
  return window === undefined ? 'visible' : `visible.${window}`;
}

/** The window of a mask's input; undefined for other inputs, Infinity for the mask without one. */
export function windowOf({ name }: InputSpec): number | undefined {
  if (name === 'visible') return Infinity;
  return name.startsWith('visible.') ? Number(name.slice('visible.'.length)) : undefined;
}

/**
 * A cache of fixed places: the input `place` f32 [records, total, tokens] puts each token of the run into one, so that
 * records of unequal lengths run together. The rows of the places that are filled must be zero before.
 */
export function createCache(builder: GraphBuilder, input: Modules['input']): Cache {
  const entries: CacheEntry[] = [];
  const extend = (name: string, rows: Value): Value => {
    const width = rows.shape.at(-1) as number;
    entries.push({ input: `past.${name}`, output: name, width });
    builder.output(name, rows);
    const place = input('place', 'f32', ['records', 'total', 'tokens']);
    return builder.add(
      input(`past.${name}`, 'f32', ['records', 'total', width]),
      builder.matmul(place, rows),
    );
  };
  return {
    entries,
    extend: (layer, keys, values) => ({
      keys: extend(`keys.${layer}`, keys),
      values: extend(`values.${layer}`, values),
    }),
    visible: (window) => input(visibleName(window), 'f32', ['records', 'tokens', 'total']),
  };
}
