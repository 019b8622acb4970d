type Numbers = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array;

/** A typed array that grows, for columns whose length is known only at the end of a file. */
export class Growable<A extends Numbers> {
  #values: A;
  #length = 0;
  readonly #allocate: (length: number) => A;

  constructor(allocate: (length: number) => A) {
    this.#allocate = allocate;
    this.#values = allocate(1024);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    this.#reserve(1);
    this.#values[this.#length++] = value;
  }

  append(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#values.set(values, this.#length);
    this.#length += values.length;
  }

  /** What was pushed so far; a view, valid until the next push. */
  view(): A {
    return this.#values.subarray(0, this.#length) as A;
  }

  #reserve(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#values.length) return;
    const grown = this.#allocate(Math.max(needed, Math.ceil(this.#values.length * 1.5)));
    grown.set(this.view());
    this.#values = grown;
  }
}
