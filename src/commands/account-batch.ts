import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  calibrate,
  deltaOf,
  DptuneError,
  epsilonOf,
  InvalidParameterError,
  monteCarloDelta,
  readoutsOf,
  validateEvent,
  type DpEvent,
  type Relation,
} from '../../privacy/index.ts';
import type { TextStream } from './output.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Answer a file of queries, one JSON object a line, in the same order. A line that cannot be answered gives an error
 * line and the rest go on.
 * @param path - `-` for standard input
 */
export async function runBatch(path: string, stdout: TextStream): Promise<void> {
  const input = path === '-' ? process.stdin : createReadStream(path, 'utf8');
  // An error of the file itself arrives at the iteration below.
  const failed = new Promise<never>((_, reject) => {
    input.once('error', (error: Error) =>
      reject(new DptuneError('data', `${path}: cannot be read. Check the name.`, { cause: error })),
    );
  });
  await Promise.race([failed, answerLines(createInterface({ input, crlfDelay: Infinity }), stdout)]);
}

async function answerLines(lines: AsyncIterable<string>, stdout: TextStream): Promise<void> {
  for await (const line of lines) {
    if (line.trim() !== '') stdout.write(`${JSON.stringify(answerLine(line), finite)}\n`);
  }
}

function finite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** One query line answered, or its error. */
export function answerLine(line: string): Fields {
  let id: unknown = null;
  try {
    const json = JSON.parse(line) as unknown;
    if (!isObject(json)) throw refuse('line', json, 'an object {"id", "event", "relation", "query"}');
    id = json['id'] ?? null;
    if (!isObject(json['query'])) throw refuse('query', json['query'], 'an object such as {"delta": 1e-5}');
    return { id, ...answered(validateEvent(json['event']), json['relation'] as Relation, json['query']) };
  } catch (error) {
    const code =
      error instanceof DptuneError ? error.code : error instanceof SyntaxError ? 'json' : 'internal';
    return { id, error: { code, message: (error as Error).message } };
  }
}

function isObject(json: unknown): json is Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function refuse(name: string, value: unknown, constraint: string): InvalidParameterError {
  return new InvalidParameterError(
    `${name}=${JSON.stringify(value)}: must be ${constraint}. Correct the line.`,
  );
}

function numberOf(query: Fields, name: string): number {
  const value = query[name];
  if (typeof value !== 'number') throw refuse(name, value, 'a number');
  return value;
}

function answered(event: DpEvent, relation: Relation, query: Fields): Fields {
  if ('targetEpsilon' in query) return solved(event, relation, query);
  if ('delta' in query) return { ...epsilonOf(event, { delta: numberOf(query, 'delta'), relation }) };
  if ('epsilon' in query) return { ...deltaOf(event, { epsilon: numberOf(query, 'epsilon'), relation }) };
  if (isObject(query['simulate'])) return simulated(event, relation, query['simulate']);
  const readouts = readoutsOf(event, { relation });
  if (query['mu'] === true) return { ...readouts.mu(), relation };
  if (query['advantage'] === true) return { advantage: readouts.advantage(), relation };
  const rates = query['tradeoff'];
  if (Array.isArray(rates)) {
    const tradeoff = rates.map((rate: unknown) => {
      if (typeof rate !== 'number') throw refuse('tradeoff', rate, 'a list of false positive rates');
      return { falsePositiveRate: rate, falseNegativeRate: readouts.falseNegativeRate(rate) };
    });
    return { tradeoff, relation };
  }
  throw refuse(
    'query',
    query,
    'one of delta, epsilon, targetEpsilon with delta and solve, tradeoff, mu, advantage, simulate',
  );
}

/** A simulation says that it is one: `certified` is false, and seed and confidence are part of the answer. */
function simulated(event: DpEvent, relation: Relation, query: Fields): Fields {
  const { seed } = query;
  if (typeof seed !== 'number' && typeof seed !== 'string') throw refuse('seed', seed, 'a number or a text');
  return {
    ...monteCarloDelta(event, {
      epsilon: numberOf(query, 'epsilon'),
      samples: numberOf(query, 'samples'),
      relation,
      seed,
      ...('confidence' in query ? { confidence: numberOf(query, 'confidence') } : {}),
    }),
  };
}

/** What `solve` may name, and the field of the event that it is. */
const solvable = {
  noiseMultiplier: { field: 'noiseMultiplier', decreasing: true, integer: false },
  steps: { field: 'count', decreasing: false, integer: true },
  rate: { field: 'rate', decreasing: false, integer: false },
} as const;

function solved(event: DpEvent, relation: Relation, query: Fields): Fields {
  const solve = query['solve'];
  if (typeof solve !== 'string' || !Object.hasOwn(solvable, solve)) {
    throw refuse('solve', solve, `one of ${Object.keys(solvable).join(', ')}`);
  }
  const { field, ...options } = solvable[solve as keyof typeof solvable];
  const found = { places: 0 };
  replaceField(event, field, 1, found);
  if (found.places !== 1) {
    throw new InvalidParameterError(
      `solve=${solve}: the event has ${found.places} fields "${field}", one is needed. Ask about one phase.`,
    );
  }
  const { value, answer } = calibrate((x) => replaceField(event, field, x, { places: 0 }), {
    target: { epsilon: numberOf(query, 'targetEpsilon'), delta: numberOf(query, 'delta') },
    relation,
    ...options,
  });
  return { solve, value, ...answer };
}

/** The event with x in every field of the given name. */
function replaceField(event: DpEvent, field: string, x: number, found: { places: number }): DpEvent {
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(event)) {
    if (name === field) found.places++;
    if (name === field) changed[name] = x;
    else if (name === 'event') changed[name] = replaceField(value, field, x, found);
    else if (name === 'events') {
      changed[name] = (value as unknown as readonly DpEvent[]).map((part) =>
        replaceField(part, field, x, found),
      );
    } else changed[name] = value;
  }
  return changed as DpEvent;
}
