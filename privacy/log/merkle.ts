import { createHash } from 'node:crypto';
import { InvalidParameterError } from '../errors.ts';

/**
 * Merkle trees of RFC 6962, section 2.1 (the same as RFC 9162, section 2.1): leaves are hashed after a byte 0, nodes after
 * a byte 1, and a tree of n leaves splits at the largest power of two below n. Hashes are lower-case hex.
 */
export interface MerkleTree {
  readonly size: number;
  /** Adds a leaf; O(1) hashes on average, O(log n) at most. */
  append(leaf: string): void;
  /** Root of the first `size` leaves, of all unless given. */
  root(size?: number): string;
  /** That leaf `index` is in the tree of the first `size` leaves (section 2.1.1). */
  inclusionProof(index: number, size?: number): string[];
  /** That the first `from` leaves are a beginning of the first `size` (section 2.1.2). */
  consistencyProof(from: number, size?: number): string[];
}

/** SHA-256 of 0x00 and the leaf's data. */
export function leafHash(data: string | Uint8Array): string {
  return createHash('sha256').update(LEAF).update(data).digest('hex');
}

/** Root of a tree without leaves: SHA-256 of nothing. */
export const emptyRoot = createHash('sha256').digest('hex');

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

function nodeHash(left: string, right: string): string {
  return createHash('sha256').update(NODE).update(left, 'hex').update(right, 'hex').digest('hex');
}

export function merkleTree(leaves: Iterable<string> = []): MerkleTree {
  /** `levels[k][i]` is the root of the complete subtree over leaves i 2^k to (i + 1) 2^k. */
  const levels: string[][] = [[]];
  const sizeNow = (): number => levels[0]!.length;

  function append(leaf: string): void {
    levels[0]!.push(requireHash(leaf));
    for (let k = 0; levels[k]!.length % 2 === 0; k++) {
      const level = levels[k]!;
      (levels[k + 1] ??= []).push(nodeHash(level.at(-2)!, level.at(-1)!));
    }
  }

  /** Root over leaves from `begin` to `end`; `begin` is a multiple of the largest power of two that fits. */
  function range(begin: number, end: number): string {
    const count = end - begin;
    const k = Math.log2(count);
    if (Number.isInteger(k) && begin % count === 0) return levels[k]![begin / count]!;
    const middle = begin + split(count);
    return nodeHash(range(begin, middle), range(middle, end));
  }

  function path(index: number, begin: number, end: number): string[] {
    if (end - begin === 1) return [];
    const middle = begin + split(end - begin);
    return index < middle
      ? [...path(index, begin, middle), range(middle, end)]
      : [...path(index, middle, end), range(begin, middle)];
  }

  /** SUBPROOF of section 2.1.2; `whole`: whether the verifier already knows the root over begin to `from`. */
  function subproof(from: number, begin: number, end: number, whole: boolean): string[] {
    if (from === end) return whole ? [] : [range(begin, end)];
    const middle = begin + split(end - begin);
    return from <= middle
      ? [...subproof(from, begin, middle, whole), range(middle, end)]
      : [...subproof(from, middle, end, false), range(begin, middle)];
  }

  function requireWithin(name: string, value: number, least: number, most: number): void {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw new InvalidParameterError(
      `${name}=${value}: must be a whole number from ${least} to ${most}. The tree has ${sizeNow()} leaves.`,
    );
  }

  for (const leaf of leaves) append(leaf);
  return {
    get size() {
      return sizeNow();
    },
    append,
    root(size = sizeNow()) {
      requireWithin('size', size, 0, sizeNow());
      return size === 0 ? emptyRoot : range(0, size);
    },
    inclusionProof(index, size = sizeNow()) {
      requireWithin('size', size, 1, sizeNow());
      requireWithin('index', index, 0, size - 1);
      return path(index, 0, size);
    },
    consistencyProof(from, size = sizeNow()) {
      requireWithin('size', size, 0, sizeNow());
      requireWithin('from', from, 0, size);
      return from === 0 ? [] : subproof(from, 0, size, true);
    },
  };
}

/**
 * The roots of the complete subtrees that a tree of some size consists of, largest first: all that appending needs, so a
 * log can be continued without reading it.
 */
export type Frontier = readonly string[];

/** @param size - leaves before this one */
export function extendFrontier(frontier: Frontier, size: number, leaf: string): Frontier {
  const roots = [...frontier];
  let hash = requireHash(leaf);
  for (let n = size; n % 2 === 1; n = (n - 1) / 2) hash = nodeHash(roots.pop()!, hash);
  return [...roots, hash];
}

/** Root of the tree with this frontier. */
export function frontierRoot(frontier: Frontier): string {
  return frontier.length === 0 ? emptyRoot : frontier.reduceRight((right, left) => nodeHash(left, right));
}

/** Whether `proof` shows that `leaf` is at `index` in the tree of `size` leaves with this root (RFC 9162, section 2.1.3.2). */
export function verifyInclusion(
  claim: { readonly leaf: string; readonly index: number; readonly size: number; readonly root: string },
  proof: readonly string[],
): boolean {
  const { leaf, index, size, root } = claim;
  if (!isCount(index) || !isCount(size) || index >= size || ![leaf, root, ...proof].every(isHash))
    return false;
  let [node, last] = [index, size - 1];
  let hash = leaf;
  for (const step of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(step, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, step);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && hash === root;
}

/** Whether `proof` shows that one tree is a beginning of the other (RFC 9162, section 2.1.4.2). */
export function verifyConsistency(
  before: { readonly size: number; readonly root: string },
  after: { readonly size: number; readonly root: string },
  proof: readonly string[],
): boolean {
  if (!isCount(before.size) || !isCount(after.size) || before.size > after.size) return false;
  if (![before.root, after.root, ...proof].every(isHash)) return false;
  if (before.size === 0) return before.root === emptyRoot && proof.length === 0;
  if (before.size === after.size) return before.root === after.root && proof.length === 0;
  if (proof.length === 0) return false;
  const path = isPowerOfTwo(before.size) ? [before.root, ...proof] : proof;
  let [node, last] = [before.size - 1, after.size - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let [old, fresh] = [path[0]!, path[0]!];
  for (const step of path.slice(1)) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      [old, fresh] = [nodeHash(step, old), nodeHash(step, fresh)];
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      fresh = nodeHash(fresh, step);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && old === before.root && fresh === after.root;
}

/** Largest power of two below `count`. */
function split(count: number): number {
  return 2 ** (31 - Math.clz32(count - 1));
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function requireHash(value: string): string {
  if (isHash(value)) return value;
  throw new InvalidParameterError(`hash=${value}: must be a SHA-256 in lower-case hex. Hash the leaf first.`);
}
