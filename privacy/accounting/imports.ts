import { InvalidParameterError, UnsupportedEventError } from '../errors.ts';
import { validateEvent } from './event-validation.ts';
import type { DpEvent } from './events.ts';

/**
 * The event of an Opacus accountant: its history, a list of [noise multiplier, sample rate, steps], or a state dict with
 * that list under `history`.
 */
export function eventFromOpacus(json: unknown): DpEvent {
  const history = isObject(json) ? json['history'] : json;
  if (!Array.isArray(history)) {
    throw new InvalidParameterError(
      'history: must be a list of [noise multiplier, sample rate, steps]. Save accountant.history or state_dict() as JSON.',
    );
  }
  const events = history.map((entry: unknown, k) => {
    if (!Array.isArray(entry) || entry.length !== 3) {
      throw new InvalidParameterError(
        `history[${k}]=${JSON.stringify(entry)}: must be [noise multiplier, sample rate, steps]. Save the list as it is.`,
      );
    }
    const [noiseMultiplier, rate, count] = entry as unknown[];
    return {
      kind: 'self-composed',
      count,
      event: { kind: 'poisson-sampled', rate, event: noisy(noiseMultiplier) },
    };
  });
  return validateEvent({ kind: 'composed', events });
}

/** Noise 0 is their way to say that there is no privacy. */
function noisy(noiseMultiplier: unknown): unknown {
  return noiseMultiplier === 0 ? { kind: 'non-private' } : { kind: 'gaussian', noiseMultiplier };
}

type Fields = Readonly<Record<string, unknown>>;

/** dp_accounting 0.6.0, dp_event.py: the fields of each class in order, and the event that it is. */
const classes: Readonly<
  Record<string, { readonly fields: readonly string[]; readonly make: (f: Fields) => unknown }>
> = {
  NoOpDpEvent: { fields: [], make: () => ({ kind: 'no-op' }) },
  NonPrivateDpEvent: { fields: [], make: () => ({ kind: 'non-private' }) },
  GaussianDpEvent: { fields: ['noise_multiplier'], make: (f) => noisy(f['noise_multiplier']) },
  LaplaceDpEvent: {
    fields: ['noise_multiplier'],
    make: (f) => ({ kind: 'laplace', noiseMultiplier: f['noise_multiplier'] }),
  },
  DiscreteLaplaceDpEvent: {
    fields: ['noise_parameter', 'sensitivity'],
    make: (f) => ({
      kind: 'discrete-laplace',
      parameter: f['noise_parameter'],
      sensitivity: f['sensitivity'],
    }),
  },
  RandomizedResponseDpEvent: {
    fields: ['noise_parameter', 'num_buckets'],
    make: (f) => ({
      kind: 'randomized-response',
      noiseParameter: f['noise_parameter'],
      buckets: f['num_buckets'],
    }),
  },
  ExponentialMechanismDpEvent: {
    fields: ['epsilon'],
    make: (f) => ({ kind: 'exponential', epsilon: f['epsilon'] }),
  },
  PermuteAndFlipDpEvent: {
    fields: ['epsilon'],
    make: (f) => ({ kind: 'permute-and-flip', epsilon: f['epsilon'] }),
  },
  EpsilonDeltaDpEvent: {
    fields: ['epsilon', 'delta'],
    make: (f) => ({ kind: 'epsilon-delta', epsilon: f['epsilon'], delta: f['delta'] }),
  },
  ZCDpEvent: { fields: ['rho', 'xi'], make: (f) => ({ kind: 'zcdp', rho: f['rho'], xi: f['xi'] ?? 0 }) },
  SelfComposedDpEvent: {
    fields: ['event', 'count'],
    make: (f) => ({ kind: 'self-composed', count: f['count'], event: converted(f['event']) }),
  },
  ComposedDpEvent: {
    fields: ['events'],
    make: (f) => ({
      kind: 'composed',
      events: Array.isArray(f['events']) ? f['events'].map(converted) : f['events'],
    }),
  },
  PoissonSampledDpEvent: {
    fields: ['sampling_probability', 'event'],
    make: (f) => ({
      kind: 'poisson-sampled',
      rate: f['sampling_probability'],
      event: converted(f['event']),
    }),
  },
  TruncatedSubsampledGaussianDpEvent: {
    fields: ['dataset_size', 'sampling_probability', 'truncated_batch_size', 'noise_multiplier'],
    make: (f) => ({
      kind: 'truncated-poisson-sampled',
      datasetSize: f['dataset_size'],
      rate: f['sampling_probability'],
      maxBatch: f['truncated_batch_size'],
      event: noisy(f['noise_multiplier']),
    }),
  },
  SingleEpochTreeAggregationDpEvent: {
    fields: ['noise_multiplier', 'step_counts'],
    make: (f) => ({ kind: 'tree', noiseMultiplier: f['noise_multiplier'], steps: largest(f['step_counts']) }),
  },
  MixtureOfGaussiansDpEvent: {
    fields: ['standard_deviation', 'sensitivities', 'sampling_probs'],
    make: (f) => ({
      kind: 'mixture-of-gaussians',
      noiseMultiplier: f['standard_deviation'],
      sensitivities: f['sensitivities'],
      probabilities: f['sampling_probs'],
    }),
  },
};

function largest(counts: unknown): unknown {
  return Array.isArray(counts) ? Math.max(...(counts as number[])) : counts;
}

/**
 * An event of Google's dp_accounting in its named-tuple form saved as JSON: objects with `class_name` and the fields
 * (`_asdict`), or lists [module, class, fields ...] (what json.dumps makes of named tuples).
 */
export function eventFromDpAccounting(json: unknown): DpEvent {
  return validateEvent(converted(json));
}

function converted(json: unknown): unknown {
  const [name, values] = namedTuple(json);
  const known = Object.hasOwn(classes, name) ? classes[name] : undefined;
  if (!known) {
    throw new UnsupportedEventError(
      `class_name=${name}: cannot be imported; known are ${Object.keys(classes).join(', ')}. ` +
        'Write the event in this tool’s own form (--event).',
    );
  }
  const fields: Fields = Array.isArray(values)
    ? Object.fromEntries(known.fields.map((field, k) => [field, (values as unknown[])[k]]))
    : (values as Fields);
  return known.make(fields);
}

function namedTuple(json: unknown): [name: string, values: Fields | readonly unknown[]] {
  if (Array.isArray(json) && typeof json[1] === 'string') return [json[1], json.slice(2) as unknown[]];
  if (isObject(json) && typeof json['class_name'] === 'string') return [json['class_name'], json];
  throw new InvalidParameterError(
    `event=${JSON.stringify(json)?.slice(0, 80)}: must be a named tuple with class_name. Save event.to_named_tuple() as JSON.`,
  );
}

function isObject(json: unknown): json is Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
