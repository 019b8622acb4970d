import { symmetricEigen } from './symmetric-eigen.ts';

/** Points, a row each: `data` [count, width]. */
export interface Points {
  readonly count: number;
  readonly width: number;
  readonly data: Float64Array;
}

export function pointAt({ width, data }: Points, index: number): Float64Array {
  return data.subarray(index * width, (index + 1) * width);
}

/** Every point at distance 1 from the origin, but for those that lie there. */
export function normalised(points: Points): Points {
  const data = points.data.slice();
  for (let index = 0; index < points.count; index++) {
    const own = pointAt({ ...points, data }, index);
    const norm = Math.hypot(...own);
    if (norm > 0) own.set(own.map((value) => value / norm));
  }
  return { ...points, data };
}

/**
 * Points in the fewest of their principal directions that hold `share` of their variance (principal component analysis; as
 * scikit-learn's PCA, but for the directions' signs).
 * @param share - above 0, below 1
 */
export function principalComponents(points: Points, share: number): Points {
  const { count, width } = points;
  const centred = centredData(points);
  const { values, vectors } = symmetricEigen(scatterOf({ count, width, data: centred }), width);
  const total = values.reduce((sum, value) => sum + value, 0);
  let [kept, held] = [0, 0];
  do held += values[kept++]!;
  while (kept < width && held < share * total);
  const data = new Float64Array(count * kept);
  for (let index = 0; index < count; index++) {
    const own = centred.subarray(index * width, (index + 1) * width);
    for (let k = 0; k < kept; k++) {
      let sum = 0;
      for (let i = 0, at = k * width; i < width; i++, at++) sum += own[i]! * vectors[at]!;
      data[index * kept + k] = sum;
    }
  }
  return { count, width: kept, data };
}

function centredData(points: Points): Float64Array {
  const { count, width, data } = points;
  const mean = new Float64Array(width);
  for (let at = 0; at < data.length; at++) mean[at % width]! += data[at]! / count;
  return data.map((value, at) => value - mean[at % width]!);
}

/** Sum of the outer products of all points with themselves, [width, width]. */
function scatterOf(points: Points): Float64Array {
  const { count, width } = points;
  const scatter = new Float64Array(width * width);
  for (let index = 0; index < count; index++) {
    const own = pointAt(points, index);
    for (let i = 0; i < width; i++) {
      const value = own[i]!;
      for (let j = 0, at = i * width; j <= i; j++, at++) scatter[at]! += value * own[j]!;
    }
  }
  for (let i = 0; i < width; i++)
    for (let j = 0; j < i; j++) scatter[j * width + i] = scatter[i * width + j]!;
  return scatter;
}
