import type { Labels } from './labels.ts';

type Column = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array;

function like<A extends Column>(values: A, length: number): A {
  return new (values.constructor as new (length: number) => A)(length);
}

/** The values of some rows, in the order given. */
export function pick<A extends Column>(values: A, rows: Uint32Array): A {
  const picked = like(values, rows.length);
  for (let index = 0; index < rows.length; index++) picked[index] = values[rows[index]!]!;
  return picked;
}

/** The rows of a ragged column, in the order given. */
export function pickRows<A extends Column>(
  values: A,
  offsets: Uint32Array,
  rows: Uint32Array,
): { values: A; offsets: Uint32Array } {
  const picked = new Uint32Array(rows.length + 1);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    picked[index + 1] = picked[index]! + offsets[row + 1]! - offsets[row]!;
  }
  const result = like(values, picked[rows.length]!);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    result.set(values.subarray(offsets[row], offsets[row + 1]), picked[index]);
  }
  return { values: result, offsets: picked };
}

/** The labels of some records, in the order given. */
export function pickLabels(labels: Labels, records: Uint32Array): Labels {
  switch (labels.task) {
    case 'unlabelled':
      return labels;
    case 'single-label':
      return { ...labels, codes: pick(labels.codes, records) };
    case 'regression':
      return { ...labels, values: pick(labels.values, records) };
    case 'generation':
      return { ...labels, starts: pick(labels.starts, records) };
    case 'token-classification': {
      const { values: codes, offsets } = pickRows(labels.codes, labels.offsets, records);
      const positions = pickRows(labels.positions, labels.offsets, records).values;
      return { ...labels, codes, offsets, positions };
    }
    default: {
      const { values: codes, offsets } = pickRows(labels.codes, labels.offsets, records);
      return { ...labels, codes, offsets };
    }
  }
}
