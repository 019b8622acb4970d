import { InvalidParameterError } from '../errors.ts';
import type { DpEvent } from './events.ts';

/** Composition trees deeper than this are refused, so that hostile JSON cannot exhaust the stack. */
const maxDepth = 64;

type Check = (value: unknown, path: string, depth: number) => unknown;
type Fields = Readonly<Record<string, Check>>;

function refuse(path: string, value: unknown, constraint: string, remedy: string): never {
  const shown = JSON.stringify(value) ?? String(value);
  throw new InvalidParameterError(`${path}=${shown.slice(0, 80)}: must be ${constraint}. ${remedy}`);
}

function number(low: number, high: number, constraint: string, remedy: string): Check {
  return (value, path) =>
    typeof value === 'number' && value >= low && value <= high
      ? value
      : refuse(path, value, constraint, remedy);
}

function integer(low: number, constraint: string, remedy: string): Check {
  return (value, path) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= low
      ? value
      : refuse(path, value, constraint, remedy);
}

function optional(check: Check): Check {
  return (value, path, depth) => (value === undefined ? undefined : check(value, path, depth));
}

function list(check: Check): Check {
  return (value, path, depth) =>
    Array.isArray(value)
      ? value.map((item: unknown, index) => check(item, `${path}[${index}]`, depth))
      : refuse(path, value, 'a list', 'Write it in square brackets.');
}

const largest = Number.MAX_VALUE;
const noise = number(
  Number.MIN_VALUE,
  largest,
  'a finite number above 0',
  'Give the noise scale divided by the sensitivity to one unit, or use kind "non-private" for no noise.',
);
const probability = number(0, 1, 'a probability from 0 to 1', 'Give expected batch / number of units.');
const amount = number(0, largest, 'a finite number, 0 or more', 'Use kind "non-private" for no bound.');
const positive = number(Number.MIN_VALUE, largest, 'a finite number above 0', 'Give a positive number.');
const count = integer(0, 'a whole number from 0 to 2^53 - 1', 'Round it up to the next whole number.');
const size = integer(1, 'a whole number from 1 to 2^53 - 1', 'Round it up to the next whole number.');
const event: Check = (value, path, depth) => checkEvent(value, path, depth + 1);
const order = number(1 + Number.EPSILON, largest, 'an order above 1', 'Leave orders of 1 and below out.');
const shape: Check = (value, path, depth) =>
  value === 'poisson'
    ? value
    : number(
        -1 + Number.EPSILON,
        largest,
        'above -1, or "poisson"',
        'Use 1 for geometric.',
      )(value, path, depth);

const fieldsOf: Readonly<Record<DpEvent['kind'], Fields>> = {
  'no-op': {},
  'non-private': {},
  gaussian: { noiseMultiplier: noise },
  laplace: { noiseMultiplier: noise },
  'discrete-gaussian': { sigma: positive, sensitivity: size },
  'discrete-laplace': { parameter: positive, sensitivity: size },
  'randomized-response': {
    noiseParameter: probability,
    buckets: integer(2, 'a whole number of 2 or more', 'Give the number of possible answers.'),
  },
  exponential: { epsilon: amount },
  'permute-and-flip': { epsilon: amount },
  'epsilon-delta': { epsilon: amount, delta: probability },
  zcdp: { rho: amount, xi: optional(amount) },
  'rdp-curve': { orders: list(order), rdp: list(amount) },
  'poisson-sampled': { rate: probability, event },
  'truncated-poisson-sampled': { datasetSize: size, rate: probability, maxBatch: size, event },
  'sampled-without-replacement': { datasetSize: size, sampleSize: count, event },
  'random-allocation': { steps: size, selected: size, event },
  'balls-in-bins': { bins: size, epochs: size, event },
  'banded-matrix': {
    noiseMultiplier: noise,
    iterations: count,
    bands: size,
    rate: probability,
    columnNorm: optional(positive),
  },
  tree: {
    noiseMultiplier: noise,
    steps: count,
    maxParticipations: optional(size),
    minSeparation: optional(count),
  },
  'mixture-of-gaussians': {
    noiseMultiplier: noise,
    sensitivities: list(amount),
    probabilities: list(probability),
  },
  'repeat-and-select': { mean: positive, shape, event },
  'one-of': { events: list(event) },
  'ranked-selection': { event },
  composed: { events: list(event) },
  'self-composed': { count, event },
};

function checkEvent(value: unknown, path: string, depth: number): DpEvent {
  if (depth > maxDepth) refuse(path, '...', `nested at most ${maxDepth} deep`, 'Flatten the composition.');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(
      path,
      value,
      'an event object such as {"kind": "gaussian", "noiseMultiplier": 1}',
      'Wrap it in {}.',
    );
  }
  const json = value as Record<string, unknown>;
  const kind = json['kind'];
  if (typeof kind !== 'string' || !Object.hasOwn(fieldsOf, kind)) {
    refuse(
      `${path}.kind`,
      kind,
      `one of ${Object.keys(fieldsOf).join(', ')}`,
      'Choose a kind from the list.',
    );
  }
  const fields = fieldsOf[kind as DpEvent['kind']];
  for (const name of Object.keys(json)) {
    if (name !== 'kind' && !Object.hasOwn(fields, name)) {
      refuse(
        `${path}.${name}`,
        json[name],
        `left out: "${kind}" has no such field (it has: ${Object.keys(fields).join(', ') || 'none'})`,
        'Remove or rename it.',
      );
    }
  }
  const checked: Record<string, unknown> = { kind };
  for (const [name, check] of Object.entries(fields)) {
    const field = check(json[name], `${path}.${name}`, depth);
    if (field !== undefined) checked[name] = field;
  }
  const result = checked as DpEvent;
  checkTogether(result, path);
  return result;
}

/** Constraints between the fields of one event. */
function checkTogether(checked: DpEvent, path: string): void {
  switch (checked.kind) {
    case 'rdp-curve':
      if (checked.orders.length === 0 || checked.orders.length !== checked.rdp.length) {
        refuse(`${path}.rdp`, checked.rdp.length, 'as many values as orders, at least one', 'Pair them up.');
      }
      return;
    case 'mixture-of-gaussians': {
      const total = checked.probabilities.reduce((sum, p) => sum + p, 0);
      if (checked.probabilities.length !== checked.sensitivities.length || Math.abs(total - 1) > 1e-12) {
        refuse(
          `${path}.probabilities`,
          total,
          'as many probabilities as sensitivities, with sum 1',
          'Add sensitivity 0 with the missing probability.',
        );
      }
      return;
    }
    case 'sampled-without-replacement':
      if (checked.sampleSize > checked.datasetSize) {
        refuse(`${path}.sampleSize`, checked.sampleSize, 'at most datasetSize', 'Lower it.');
      }
      return;
    case 'random-allocation':
      if (checked.selected > checked.steps) {
        refuse(`${path}.selected`, checked.selected, 'at most steps', 'Lower it.');
      }
      return;
    default:
  }
}

/**
 * Check an event that came from JSON.
 * @returns a fresh event with exactly the known fields
 * @throws InvalidParameterError naming the path, the value, the constraint and the remedy
 */
export function validateEvent(json: unknown): DpEvent {
  return checkEvent(json, 'event', 0);
}
