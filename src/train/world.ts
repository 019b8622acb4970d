/**
 * The ranks of a data-parallel run, as the training loop sees them. Each rank samples its own shard; clipped sums are
 * added over ranks before the one noise draw; an empty local batch still takes part.
 */
export interface World {
  readonly rank: number;
  readonly size: number;
  /** Adds `values` over all ranks, in place. */
  sum(values: Float32Array): Promise<void>;
  /** Rank 0's `values` on every rank, in place. */
  broadcast(values: Float32Array): Promise<void>;
  barrier(): Promise<void>;
}

/** One process is a world of one. */
export const alone: World = {
  rank: 0,
  size: 1,
  sum: () => Promise.resolve(),
  broadcast: () => Promise.resolve(),
  barrier: () => Promise.resolve(),
};
