import type { Script } from './stage.ts';

/** All units that were sampled. */
export const everyone: Script = (source, sampled) => source.batches(sampled);

/** These units, in micro-batches as the run would cut them. */
export function only(units: readonly number[]): Script {
  return (source, chosen) => source.batches(chosen.filter((unit) => units.includes(unit)));
}

/** Two parts at least, so that there is more than one micro-batch. */
export function inParts(units: readonly number[]): Script {
  const half = (units.length + 1) >> 1;
  return function* (source, chosen) {
    yield* only(units.slice(0, half))(source, chosen);
    yield* only(units.slice(half))(source, chosen);
  };
}

/** Inputs of networks that hold numbers of the records' own. */
export const spoilable: readonly string[] = ['mask', 'hidden', 'features'];

/** Replaces a unit's numeric inputs by NaN: those of its records in each micro-batch. */
export function poisoned(script: Script, unit: number): Script {
  return function* (source, chosen) {
    for (const batch of script(source, chosen)) {
      const place = batch.unitIndices.indexOf(unit);
      const spoil = (values: Float32Array | undefined): Float32Array | undefined => {
        if (!values || place < 0) return values;
        const each = values.length / batch.units;
        return values.slice().fill(Number.NaN, place * each, (place + 1) * each);
      };
      yield {
        ...batch,
        mask: spoil(batch.mask)!,
        ...(batch.hidden && { hidden: spoil(batch.hidden)! }),
        ...(batch.features && { features: spoil(batch.features)! }),
      };
    }
  };
}
