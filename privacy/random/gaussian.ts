import type { PrivacyStream } from './privacy-stream.ts';

/**
 * Ziggurat of 256 layers of equal area under exp(-x^2/2) (Marsaglia and Tsang, J. Stat. Software 5(8), 2000), with
 * layer, sign and position taken from disjoint random bits (Doornik, "An improved ziggurat method", 2005).
 * `TAIL` is where the lowest layer's tail begins, `AREA` every layer's area; both solve the
 * closing condition, found with 40 digits and rounded to float64.
 */
const LAYERS = 256;
const TAIL = 3.654152885361009;
const AREA = 0.004928673233974655;

/** Positions have 53 bits. `SCALE[i]` turns one into x in layer i; below `INSIDE[i]` it lies under the curve. */
const SCALE = new Float64Array(LAYERS);
const INSIDE = new Float64Array(LAYERS);
/** exp(-x_i^2/2) at the right edge of layer i; one more for the top, where it is 1. */
const HEIGHT = new Float64Array(LAYERS + 1);

{
  const edges = new Float64Array(LAYERS + 1);
  // The lowest layer is a rectangle of width TAIL and the tail; this is the width that gives it the common area.
  edges[0] = AREA / Math.exp(-0.5 * TAIL * TAIL);
  edges[1] = TAIL;
  for (let layer = 2; layer < LAYERS; layer++) {
    const below = edges[layer - 1]!;
    edges[layer] = Math.sqrt(-2 * Math.log(Math.exp(-0.5 * below * below) + AREA / below));
  }
  for (let layer = 0; layer < LAYERS; layer++) {
    SCALE[layer] = edges[layer]! * 2 ** -53;
    INSIDE[layer] = Math.floor((edges[layer + 1]! / edges[layer]!) * 2 ** 53);
    HEIGHT[layer] = Math.exp(-0.5 * edges[layer]! ** 2);
  }
  HEIGHT[LAYERS] = 1;
}

const CHUNK = 1 << 14;

/**
 * Fills `out` with independent standard normals.
 *
 * float64 with 53 random bits below each layer's edge and the exact tail beyond 3.65 (Marsaglia 1964), which reaches 13.7
 * standard deviations; nothing is cut off. Edges carry a relative error of at most 2^-44. The time depends on the values
 * drawn, as with every rejection method: an observer with nanosecond clocks on this machine is not defended against.
 */
export function fillNormals(out: Float64Array, stream: PrivacyStream): void {
  const words = new Uint32Array(2 * Math.min(out.length, CHUNK));
  const bytes = new Uint8Array(words.buffer);
  for (let start = 0; start < out.length; start += CHUNK) {
    const count = Math.min(CHUNK, out.length - start);
    stream.fillBytes(count === CHUNK ? bytes : bytes.subarray(0, 8 * count));
    for (let i = 0; i < count; i++) {
      const low = words[2 * i]!;
      const high = words[2 * i + 1]!;
      const layer = high & 255;
      const position = (high >>> 11) * 4294967296 + low;
      const sign = 1 - ((high >>> 7) & 2);
      const x = position * SCALE[layer]!;
      out[start + i] = sign * (position < INSIDE[layer]! ? x : besideTheCore(layer, x, stream));
    }
  }
  words.fill(0);
}

/** |normal| for the 1.2 % of draws that end outside of their layer's core: the tail, a wedge, or a fresh draw. */
function besideTheCore(firstLayer: number, firstX: number, stream: PrivacyStream): number {
  let layer = firstLayer;
  let x = firstX;
  for (;;) {
    if (layer === 0) return tail(stream);
    const height = HEIGHT[layer]! + stream.float64() * (HEIGHT[layer + 1]! - HEIGHT[layer]!);
    if (height < Math.exp(-0.5 * x * x)) return x;
    layer = stream.uint32() & 255;
    const position = stream.float64() * 2 ** 53;
    x = position * SCALE[layer]!;
    if (position < INSIDE[layer]!) return x;
  }
}

function tail(stream: PrivacyStream): number {
  for (;;) {
    const x = -Math.log(1 - stream.float64()) / TAIL;
    const y = -Math.log(1 - stream.float64());
    if (2 * y >= x * x) return TAIL + x;
  }
}
