import { reproducibleRng } from '../../privacy/index.ts';
import { joinStores, keepUnits, type TokenStore } from '../data/index.ts';
import type { Stores } from './materials.ts';

/**
 * Everything that a membership attack guesses about: the units of the training data, then the test records, each a unit.
 */
export function attackPool({ train, test }: Pick<Stores, 'train' | 'test'>): TokenStore {
  if (!test) return train;
  return joinStores(
    train,
    test,
    Array.from({ length: test.records }, (_, record) => record),
  );
}

/** The units of a pool that a shadow model trains on: each by a coin that its number and the unit's decide. */
export function shadowUnits(shadow: number, units: number): number[] {
  const rng = reproducibleRng(`shadow ${shadow}`);
  return Array.from({ length: units }, (_, unit) => unit).filter(() => rng.uniform() < 0.5);
}

/** The data of a shadow model: half of the pool, nothing held out. */
export function shadowStores(stores: Stores, shadow: number): Stores {
  const pool = attackPool(stores);
  return {
    train: keepUnits(pool, shadowUnits(shadow, pool.units)),
    test: undefined,
    validation: undefined,
    validationIsPublic: false,
  };
}
