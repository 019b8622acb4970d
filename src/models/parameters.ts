import { InvalidParameterError } from '../../privacy/errors.ts';

/** How a parameter begins where no checkpoint gives it. */
export type Init =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' }
  | { readonly kind: 'normal'; readonly deviation: number }
  /** Uniform in [-bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number };

/** Where in the network a parameter is used; `head` is whatever turns features or hidden states into outputs. */
export type Place = 'embeddings' | 'head' | 'final' | { readonly layer: number };

export interface ParameterSpec {
  /** The name in a Hugging Face checkpoint of this architecture, or one of ours: `head.*`, `*.lora_A.weight`, `*.lora_B.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  readonly place: Place;
  readonly role: 'weight' | 'bias' | 'gain' | 'table' | 'lora';
  /** Of a frozen weight that is held in 8 bits: its layout in the checkpoint. */
  readonly int8?: 'out-in' | 'in-out';
}

/** Randomness for initial weights; a reproducible generator. */
export interface InitRng {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** A generator of its own for a label. */
  fork(label: string): InitRng;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Initial values of a parameter. They depend on the generator's seed and the parameter's name only. */
export function initialValues({ name, shape, init }: ParameterSpec, rng: InitRng): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  const own = rng.fork(name);
  switch (init.kind) {
    case 'zeros':
      return values;
    case 'ones':
      return values.fill(1);
    case 'normal':
      return values.map(() => init.deviation * own.normal());
    case 'uniform':
      return values.map(() => init.bound * (2 * own.uniform() - 1));
  }
  return init satisfies never;
}

/** Which parameters train. Every choice includes a head that began afresh. */
export type Trainable =
  | { readonly method: 'full' | 'lora' | 'bitfit' | 'head' }
  /** The last so many transformer layers. */
  | { readonly method: 'last'; readonly layers: number };

/**
 * Names of the parameters that train, in the order of `specs`.
 *
 * `full`: all but LoRA's; `lora`: LoRA's factors; `bitfit`: every bias (Ben Zaken et al., arXiv:2106.10199); `last`: the last layers and
 * what follows them; each with the head, unless that is pretrained: then it trains as the other weights do, and with `lora` not.
 * @param pretrainedHead - whether the head is the checkpoint's own language head
 * @throws InvalidParameterError where nothing but a fresh head would train and that is not what was asked
 */
export function trainableNames(
  specs: readonly ParameterSpec[],
  trainable: Trainable,
  pretrainedHead = false,
): string[] {
  const layers = specs.reduce(
    (most, { place }) => (typeof place === 'object' ? Math.max(most, place.layer + 1) : most),
    0,
  );
  if (trainable.method === 'last' && !(Number.isInteger(trainable.layers) && trainable.layers >= 1)) {
    throw new InvalidParameterError(
      `last=${trainable.layers}; it must be a whole number of layers, at least 1.`,
    );
  }
  if (trainable.method === 'last' && trainable.layers > layers) {
    throw new InvalidParameterError(
      `last=${trainable.layers}; the network has ${layers} layers. Use that many, or "full".`,
    );
  }
  const body = specs.filter(
    (spec) => (pretrainedHead || spec.place !== 'head') && trains(spec, trainable, layers),
  );
  if ((pretrainedHead || trainable.method !== 'head') && body.length === 0) {
    throw new InvalidParameterError(
      trainable.method === 'head'
        ? "method=head; the language model's output map has no weights of its own. Choose lora, full, bitfit or last."
        : `method=${trainable.method}; the network has no such parameter. Build it for that method.`,
    );
  }
  const isFreshHead = ({ place }: ParameterSpec): boolean => place === 'head' && !pretrainedHead;
  return specs.filter((spec) => isFreshHead(spec) || body.includes(spec)).map(({ name }) => name);
}

function trains({ place, role }: ParameterSpec, trainable: Trainable, layers: number): boolean {
  switch (trainable.method) {
    case 'full':
      return role !== 'lora';
    case 'lora':
      return role === 'lora';
    case 'bitfit':
      return role === 'bias';
    case 'head':
      return place === 'head';
    case 'last':
      if (role === 'lora') return false;
      return (
        place === 'head' ||
        place === 'final' ||
        (typeof place === 'object' && place.layer >= layers - trainable.layers)
      );
  }
  return trainable satisfies never;
}

/**
 * The number of layers below the lowest parameter that trains: that prefix of the network is frozen. Equal to the number of
 * layers where only the head trains; 0 also where the embeddings train.
 */
export function frozenLayers(specs: readonly ParameterSpec[], trainable: readonly string[]): number {
  const names = new Set(trainable);
  let lowest = Infinity;
  let layers = 0;
  for (const { name, place } of specs) {
    const layer = typeof place === 'object' ? place.layer : place === 'embeddings' ? 0 : Infinity;
    if (typeof place === 'object') layers = Math.max(layers, place.layer + 1);
    if (names.has(name)) lowest = Math.min(lowest, layer);
  }
  return Math.min(lowest, layers);
}
