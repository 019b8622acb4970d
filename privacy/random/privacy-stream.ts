import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { InvalidParameterError } from '../errors.ts';

/**
 * Random bits for decisions that privacy rests on: who is sampled, the noise, an audit's coins.
 *
 * A stream cannot be copied, serialised, rewound or seeded from a checkpoint, so no position is ever used twice
 * (G11): after a resume, and in every worker, there is a new stream with a new key.
 */
export interface PrivacyStream {
  /** False for a seeded stream. Whatever used one is NOT PRIVATE and must be stamped so everywhere. */
  readonly secure: boolean;
  /** Overwrites every byte of `bytes`. Bulk path: about 2 GB/s. */
  fillBytes(bytes: Uint8Array): void;
  /** Uniform integer in [0, 2^32). */
  uint32(): number;
  /** Uniform multiple of 2^-53 in [0, 1). */
  float64(): number;
  /** True with probability `q` exactly, for every float64 `q` in [0, 1]. */
  bernoulli(q: number): boolean;
}

const KEY_BYTES = 32;
const BLOCK_BYTES = 1 << 18;
const ZERO_IV = new Uint8Array(16);
/** What the cipher encrypts: its output is then the key stream itself. */
const ZEROS = new Uint8Array(KEY_BYTES + BLOCK_BYTES);

/**
 * AES-256-CTR key stream with fast key erasure (D. J. Bernstein, "Fast-key-erasure random-number generators", 2017):
 * the first 32 bytes under each key become the next key, and bytes handed out are wiped here, so that memory read
 * later tells nothing about noise drawn earlier. One key yields 256 KiB, far below any distinguishing bound of CTR.
 */
class AesStream implements PrivacyStream {
  readonly secure: boolean;
  #key: Uint8Array;
  #block = new Uint8Array(0);
  #words = new Uint32Array(0);
  /** Bytes of the block already used; the words before ceil(used / 4) are used. */
  #used = 0;

  constructor(key: Uint8Array, secure: boolean) {
    this.#key = key;
    this.secure = secure;
  }

  fillBytes(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      if (this.#used >= this.#block.length) this.#refill();
      const count = Math.min(bytes.length - done, this.#block.length - this.#used);
      const part = this.#block.subarray(this.#used, this.#used + count);
      bytes.set(part, done);
      part.fill(0);
      this.#used += count;
      done += count;
    }
  }

  uint32(): number {
    let index = (this.#used + 3) >>> 2;
    if (index >= this.#words.length) {
      this.#refill();
      index = 0;
    }
    const word = this.#words[index]!;
    this.#words[index] = 0;
    this.#used = 4 * (index + 1);
    return word;
  }

  float64(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }

  bernoulli(q: number): boolean {
    if (!(q >= 0 && q <= 1)) throw new InvalidParameterError(`q=${q}: a probability is between 0 and 1.`);
    return q === 1 || bernoulliFrom(this.uint32(), q, this);
  }

  #refill(): void {
    const cipher = createCipheriv('aes-256-ctr', this.#key, ZERO_IV);
    const output = cipher.update(ZEROS);
    this.#key.fill(0);
    this.#key = Uint8Array.from(output.subarray(0, KEY_BYTES));
    output.fill(0, 0, KEY_BYTES);
    // A large Buffer owns its memory, so its offset is a multiple of 4 as the view of words needs.
    this.#block = output.subarray(KEY_BYTES);
    this.#words = new Uint32Array(output.buffer, output.byteOffset + KEY_BYTES, BLOCK_BYTES / 4);
    this.#used = 0;
  }
}

/**
 * Finishes one Bernoulli(q) trial whose first 32 random bits are `word`, 0 <= q < 1. Exact: compares the binary digits of
 * a uniform number with those of q, 32 at a time, and draws more digits only while all so far are equal. Scaling by
 * 2^32 and taking the fraction are exact in float64, and q has finitely many digits.
 */
export function bernoulliFrom(word: number, q: number, stream: PrivacyStream): boolean {
  let scaled = q * 2 ** 32;
  let digits = Math.floor(scaled);
  let drawn = word;
  while (drawn === digits) {
    const rest = scaled - digits;
    if (rest === 0) return false;
    scaled = rest * 2 ** 32;
    digits = Math.floor(scaled);
    drawn = stream.uint32();
  }
  return drawn < digits;
}

/** A stream keyed by the operating system's CSPRNG: the only kind that a private run may use (G11). */
export function secureStream(): PrivacyStream {
  return new AesStream(Uint8Array.from(randomBytes(KEY_BYTES)), true);
}

/** The same bits for the same seed: for tests only. `secure` is false, so a run that used it is stamped NOT PRIVATE. */
export function seededStream(seed: string | number): PrivacyStream {
  const key = createHash('sha256').update(`dptune seeded privacy stream ${seed}`).digest();
  return new AesStream(Uint8Array.from(key), false);
}
