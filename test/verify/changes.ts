import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** From what stands at a place of a JSON value to what is to stand there; `undefined` takes it out. */
export type Change = (old: unknown) => unknown;

export const to =
  (value: unknown): Change =>
  () =>
    value;
export const times =
  (factor: number): Change =>
  (old) =>
    (old as number) * factor;
export const plus =
  (more: number): Change =>
  (old) =>
    (old as number) + more;
/** The list without its last item. */
export const shorter: Change = (old) => (old as unknown[]).slice(0, -1);
export const without =
  (index: number): Change =>
  (old) =>
    (old as unknown[]).toSpliced(index, 1);
/** The list with two neighbours in other order. */
export const swapped =
  (index: number): Change =>
  (old) => {
    const list = old as unknown[];
    return list.toSpliced(index, 2, list[index + 1], list[index]);
  };

type Json = Record<string, unknown>;

/**
 * Changes a JSON document of a release at one place, such as `phases.0.steps`; text and form stay as dptune writes them.
 * Throws where the place is not there, unless it is new at the end of the path.
 */
export async function change(run: string, name: string, place: string, how: Change): Promise<void> {
  const path = join(run, 'release', name);
  const document = JSON.parse(await readFile(path, 'utf8')) as Json;
  await writeFile(path, jsonText(changed(document, place, how)));
}

/** A copy with one place changed. */
export function changed<T>(value: T, place: string, how: Change): T {
  const copy = structuredClone(value);
  const keys = place.split('.');
  const last = keys.pop()!;
  const parent = keys.reduce<Json>((at, key) => {
    const inner = at[key];
    if (typeof inner !== 'object' || inner === null) throw new Error(`${place}: there is no ${key}`);
    return inner as Json;
  }, copy as Json);
  const fresh = how(parent[last]);
  if (fresh === undefined) delete parent[last];
  else parent[last] = fresh;
  if (JSON.stringify(copy) === JSON.stringify(value)) throw new Error(`${place}: nothing changed`);
  return copy;
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
