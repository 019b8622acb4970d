import { hash } from 'node:crypto';

/**
 * A reproducible number in [0, 1) (48 bits of SHA-256) that depends on the seed and key alone.
 *
 * Choices about private rows (which part of a split, which of a user's records) use this and never a shared stream of random
 * numbers: with a stream, removing one row would shift every later choice, and two neighbouring data sets would
 * differ in far more than one unit after the choice. With a key of the unit's own content they differ in that unit only.
 */
export function keyedUniform(seed: string | number, key: readonly unknown[]): number {
  return Number.parseInt(digestOf([seed, ...key]).slice(0, 12), 16) / 2 ** 48;
}

/** SHA-256, hexadecimal, of a key's JSON text. */
export function digestOf(key: readonly unknown[]): string {
  return hash(
    'sha256',
    JSON.stringify(key, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)),
  );
}
