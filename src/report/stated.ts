import { readFile } from 'node:fs/promises';
import { DataError } from '../../privacy/index.ts';
import { checkStatements, type Statements } from '../../audits/index.ts';

/**
 * What the owner of the data states, from a YAML or JSON file.
 * @throws DataError naming what does not fit
 */
export async function readStatements(path: string): Promise<Partial<Statements>> {
  const { parse } = await import('yaml');
  try {
    return await checkStatements(parse(await readFile(path, 'utf8')) as unknown);
  } catch (error) {
    throw new DataError(`statements=${path}: ${(error as Error).message}`, { cause: error });
  }
}
