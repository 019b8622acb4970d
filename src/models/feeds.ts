import { InvalidParameterError } from '../../privacy/errors.ts';
import { evaluateDim } from '../graph/index.ts';
import type { Mark } from './classifier.ts';
import type { Network } from './network.ts';

/** A dense tensor: row-major `data`, concrete `dims`. */
export interface FeedTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** A micro-batch of records, padded on the right to one length. */
export interface Batch {
  readonly records: number;
  readonly tokens: number;
  /** [records, tokens] each. */
  readonly ids?: Int32Array;
  readonly typeIds?: Int32Array;
  readonly mask?: Float32Array;
  readonly labels?: Int32Array | Float32Array | undefined;
  /** Output of a frozen prefix, [records, tokens, hiddenSize]. */
  readonly hidden?: Float32Array;
  /** Output of a frozen body, [records, hiddenSize]. */
  readonly features?: Float32Array;
}

/** Encoded texts side by side, padded on the right. */
export function paddedBatch(
  encoded: readonly { readonly ids: ArrayLike<number>; readonly typeIds?: ArrayLike<number> | undefined }[],
  padId: number,
) {
  const tokens = Math.max(1, ...encoded.map(({ ids }) => ids.length));
  const size = encoded.length * tokens;
  const ids = new Int32Array(size).fill(padId);
  const typeIds = new Int32Array(size);
  const mask = new Float32Array(size);
  for (const [row, text] of encoded.entries()) {
    ids.set(text.ids, row * tokens);
    typeIds.set(text.typeIds ?? [], row * tokens);
    mask.fill(1, row * tokens, row * tokens + text.ids.length);
  }
  return { records: encoded.length, tokens, ids, typeIds, mask } satisfies Batch;
}

/**
 * Everything that a network must be given for a batch: its inputs, positions, and dropout masks.
 * @param rng - draws the masks; without it nothing is dropped, as in evaluation
 * @throws InvalidParameterError where the batch lacks an input or has it in a wrong size
 */
export function feedsOf(
  network: Network,
  batch: Batch,
  rng?: { uniform(): number },
): Record<string, FeedTensor> {
  const sizes = { records: batch.records, tokens: batch.tokens };
  const feeds: Record<string, FeedTensor> = {};
  for (const { name, shape } of network.inputs) {
    const dims = shape.map((dim) => evaluateDim(dim, sizes));
    const data =
      name === 'positions'
        ? positions(batch, network.positionOffset)
        : name === 'mark'
          ? marks(batch, network.mark!)
          : batch[name as keyof Batch];
    const size = dims.reduce((product, dim) => product * dim, 1);
    if (typeof data !== 'object' || data.length !== size) {
      const found = typeof data === 'object' ? `${data.length} values` : 'absent';
      throw new InvalidParameterError(`batch.${name}=${found}; the network takes [${dims.join(',')}].`);
    }
    feeds[name] = { dims, data };
  }
  for (const { name, shape, rate } of network.dropouts) {
    const dims = shape.map((dim) => evaluateDim(dim, sizes));
    const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(1);
    if (rng !== undefined) {
      const kept = 1 / (1 - rate);
      for (let at = 0; at < data.length; at++) data[at] = rng.uniform() < rate ? 0 : kept;
    }
    feeds[name] = { dims, data };
  }
  return feeds;
}

function positions({ records, tokens }: Batch, offset: number): Int32Array {
  const ids = new Int32Array(records * tokens);
  for (let at = 0; at < ids.length; at++) ids[at] = offset + (at % tokens);
  return ids;
}

/** 1 at each record's marked token, [records, 1, tokens]. */
function marks({ records, tokens, ids, mask }: Batch, mark: Mark): Float32Array {
  if (!ids || !mask) throw new InvalidParameterError('batch.ids: absent; the network reads a marked token.');
  const found = new Float32Array(records * tokens);
  const isMarked = (at: number): boolean =>
    mask[at] !== 0 && (mark.kind === 'token' ? ids[at] === mark.token : ids[at] !== mark.except);
  for (let record = 0; record < records; record++) {
    let at = (record + 1) * tokens - 1;
    while (at >= record * tokens && !isMarked(at)) at--;
    if (at < record * tokens && mark.kind === 'token') {
      throw new InvalidParameterError(`batch.ids: record ${record} has no token ${mark.token} to read.`);
    }
    // A record of nothing but padding tokens is read at its first, as transformers does.
    found[Math.max(at, record * tokens)] = 1;
  }
  return found;
}
