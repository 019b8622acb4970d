import { readFile } from 'node:fs/promises';
import { DataError, InvalidParameterError } from '../../privacy/errors.ts';

/** An argument that is needed here, though not always. */
export function required(value: string | undefined, name: string, remedy: string): string {
  if (value !== undefined) return value;
  throw new InvalidParameterError(`${name}: missing. ${remedy}`);
}

/** A file of JSON that was named on the command line. */
export async function jsonIn(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new DataError(`${path}: cannot be read. Check the name and the permissions.`, { cause: error });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new DataError(`${path}: is not JSON (${(error as Error).message}). Save it as JSON.`, {
      cause: error,
    });
  }
}
