import { InvalidParameterError } from '../errors.ts';

/** Checks of single values from outside (a job, a plan.json), whatever their static type claims. Each returns its value. */

export function numberWithin(
  name: string,
  value: unknown,
  above: number,
  atMost: number,
  remedy: string,
): number {
  if (typeof value === 'number' && value > above && value <= atMost) return value;
  const range = atMost === Infinity ? `above ${above}` : `above ${above} and at most ${atMost}`;
  throw new InvalidParameterError(`${name}=${shown(value)}: must be a number ${range}. ${remedy}`);
}

export function wholeNumber(name: string, value: unknown, least: number, remedy: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
  throw new InvalidParameterError(
    `${name}=${shown(value)}: must be a whole number of at least ${least}. ${remedy}`,
  );
}

export function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new InvalidParameterError(
    `${name}=${shown(value)}: must be one of ${allowed.join(', ')}. Choose one of them.`,
  );
}

export function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new InvalidParameterError(
    `${name}=${shown(value)}: must be a text that is not empty. Give it a name.`,
  );
}

export function list(name: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new InvalidParameterError(
    `${name}=${shown(value)}: must be a list. Give a list, perhaps with one item.`,
  );
}

/** An object with no other keys than `allowed`: an unknown one might be a misspelt guarantee (G27), or a performance setting. */
export function objectOf(name: string, value: unknown, allowed: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidParameterError(
      `${name}=${shown(value)}: must be an object. Give ${allowed.join(', ')}.`,
    );
  }
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new InvalidParameterError(
      `${name}.${unknown}: is not part of a plan. The fields here are ${allowed.join(', ')}.`,
    );
  }
  return value as Record<string, unknown>;
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value);
}
