import { InvalidParameterError } from '../../privacy/index.ts';

/** A part of the parameter vector: start inclusive, end exclusive. */
export type Range = readonly [start: number, end: number];

interface Decay {
  /** Weight decay, at least 0. */
  readonly weightDecay: number;
  /** The parts that decay (weights, but not biases and gains); all of the vector unless given. */
  readonly decayed?: readonly Range[];
}

export type OptimizerSettings =
  /** Momentum without dampening; the decay is added to the gradient. */
  | ({ readonly kind: 'sgd'; readonly momentum: number } & Decay)
  /** Adam (Kingma and Ba, arXiv:1412.6980); the decay is added to the gradient. */
  | ({ readonly kind: 'adam'; readonly betas: readonly [number, number]; readonly epsilon: number } & Decay)
  /** AdamW (Loshchilov and Hutter, arXiv:1711.05101): the decay is apart from the gradient. */
  | ({ readonly kind: 'adamw'; readonly betas: readonly [number, number]; readonly epsilon: number } & Decay)
  /**
   * DP-AdamBC (Tang, Shpilevskiy and Lecuyer, arXiv:2312.14334, Algorithm 1): the noise's own variance is taken out of the second
   * moment, which is kept from falling below `floor` (gamma'). The decay is apart from the gradient.
   */
  | ({
      readonly kind: 'dp-adam-bc';
      readonly betas: readonly [number, number];
      readonly floor: number;
      /** Of each coordinate of the gradient as given to `updateParameters`: sigma C / divisor, times any rescaling. */
      readonly noiseStandardDeviation: number;
    } & Decay);

/** Everything that a resumed run needs: plain numbers, and arrays as long as the parameter vector. */
export interface OptimizerState {
  readonly settings: OptimizerSettings;
  /** Updates made so far. */
  step: number;
  /** `velocity` for sgd; `first` and `second` moments for the others. */
  readonly moments: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
}

/**
 * @param size - length of the parameter vector
 * @throws InvalidParameterError for a setting outside its domain
 */
export function initOptimizer(size: number, settings: OptimizerSettings): OptimizerState {
  checkSettings(size, settings);
  const names = settings.kind === 'sgd' ? ['velocity'] : ['first', 'second'];
  return {
    settings,
    step: 0,
    moments: Object.fromEntries(names.map((name) => [name, new Float32Array(size)])),
  };
}

/**
 * One update, in place on `params` and `state`. `gradient` is the noisy mean gradient; it may be overwritten.
 * All three arrays have the same length. Arithmetic is float64, storage float32.
 * @param learningRate - this step's rate
 */
export function updateParameters(
  state: OptimizerState,
  params: Float32Array,
  gradient: Float32Array,
  learningRate: number,
): void {
  const { settings } = state;
  for (const array of [gradient, ...Object.values(state.moments)]) {
    if (array.length !== params.length) {
      throw new InvalidParameterError(
        `length=${array.length}: the parameter vector has ${params.length}. The state is of another model.`,
      );
    }
  }
  state.step += 1;
  decay(settings, params, gradient, learningRate);
  switch (settings.kind) {
    case 'sgd':
      return updateSgd(state.moments['velocity']!, params, gradient, learningRate, settings.momentum);
    case 'adam':
    case 'adamw':
      return updateAdam(state, settings, params, gradient, learningRate);
    case 'dp-adam-bc':
      return updateDpAdamBc(state, settings, params, gradient, learningRate);
  }
}

/** Decoupled: p <- p (1 - rate * decay). Coupled: g <- g + decay * p. */
function decay(
  settings: OptimizerSettings,
  params: Float32Array,
  gradient: Float32Array,
  learningRate: number,
): void {
  const { kind, weightDecay, decayed = [[0, params.length]] } = settings;
  if (weightDecay === 0) return;
  const coupled = kind === 'sgd' || kind === 'adam';
  const factor = 1 - learningRate * weightDecay;
  for (const [start, end] of decayed) {
    for (let i = start; i < end; i++) {
      if (coupled) gradient[i] = gradient[i]! + weightDecay * params[i]!;
      else params[i] = params[i]! * factor;
    }
  }
}

function updateSgd(
  velocity: Float32Array,
  params: Float32Array,
  gradient: Float32Array,
  learningRate: number,
  momentum: number,
): void {
  for (let i = 0; i < params.length; i++) {
    const v = momentum * velocity[i]! + gradient[i]!;
    velocity[i] = v;
    params[i] = params[i]! - learningRate * v;
  }
}

/** p <- p - rate * m^ / (sqrt(v^) + epsilon), with m^ and v^ corrected for their start at 0. */
function updateAdam(
  { step, moments }: OptimizerState,
  { betas: [beta1, beta2], epsilon }: { readonly betas: readonly [number, number]; readonly epsilon: number },
  params: Float32Array,
  gradient: Float32Array,
  learningRate: number,
): void {
  const [first, second] = [moments['first']!, moments['second']!];
  const [new1, new2] = [1 - beta1, 1 - beta2];
  const rate = learningRate / (1 - beta1 ** step);
  const scale = 1 / (1 - beta2 ** step);
  for (let i = 0; i < params.length; i++) {
    const g = gradient[i]!;
    const m = beta1 * first[i]! + new1 * g;
    const v = beta2 * second[i]! + new2 * g * g;
    first[i] = m;
    second[i] = v;
    params[i] = params[i]! - (rate * m) / (Math.sqrt(v * scale) + epsilon);
  }
}

/** p <- p - rate * m^ / sqrt(max(v^ - noise variance, floor)). */
function updateDpAdamBc(
  { step, moments }: OptimizerState,
  settings: Extract<OptimizerSettings, { kind: 'dp-adam-bc' }>,
  params: Float32Array,
  gradient: Float32Array,
  learningRate: number,
): void {
  const { floor, noiseStandardDeviation } = settings;
  const [beta1, beta2] = settings.betas;
  const [first, second] = [moments['first']!, moments['second']!];
  const [new1, new2] = [1 - beta1, 1 - beta2];
  const rate = learningRate / (1 - beta1 ** step);
  const scale = 1 / (1 - beta2 ** step);
  const noiseVariance = noiseStandardDeviation ** 2;
  for (let i = 0; i < params.length; i++) {
    const g = gradient[i]!;
    const m = beta1 * first[i]! + new1 * g;
    const v = beta2 * second[i]! + new2 * g * g;
    first[i] = m;
    second[i] = v;
    params[i] = params[i]! - (rate * m) / Math.sqrt(Math.max(v * scale - noiseVariance, floor));
  }
}

function checkSettings(size: number, settings: OptimizerSettings): void {
  const { kind, weightDecay, decayed = [] } = settings;
  const require = (name: string, value: number, within: boolean, range: string) => {
    if (within) return;
    throw new InvalidParameterError(
      `${name}=${value}: must be ${range} for optimizer ${kind}. Leave it at its default.`,
    );
  };
  require('weightDecay', weightDecay, weightDecay >= 0 && weightDecay < Infinity, 'at least 0');
  if (settings.kind === 'sgd') {
    require('momentum', settings.momentum, settings.momentum >= 0 && settings.momentum < 1, 'in [0, 1)');
  } else {
    for (const beta of settings.betas) require('beta', beta, beta >= 0 && beta < 1, 'in [0, 1)');
    const least = settings.kind === 'dp-adam-bc' ? settings.floor : settings.epsilon;
    require(settings.kind === 'dp-adam-bc' ? 'floor' : 'epsilon', least, least > 0 &&
      least < Infinity, 'above 0');
  }
  if (settings.kind === 'dp-adam-bc') {
    const deviation = settings.noiseStandardDeviation;
    require('noiseStandardDeviation', deviation, deviation >= 0 && deviation < Infinity, 'at least 0');
  }
  let last = 0;
  for (const [start, end] of decayed) {
    require('decayed', start, start >= last &&
      end >= start &&
      end <= size, 'ascending ranges within the vector');
    last = end;
  }
}
