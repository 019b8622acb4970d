import { DataError } from '../../privacy/index.ts';
import { keyedUniform } from './keyed.ts';
import type { TokenStore } from './store.ts';
import { keepUnits } from './subset.ts';

/**
 * The first `perClass` records of each class, by a public order; all of a class that has no more.
 *
 * A record's place in the order depends on the seed, on its tokens and on how many records with the same tokens its class
 * has before it, and on nothing else. Records of one class and the same tokens are alike to the training, so this orders the
 * multiset of a class: one record more or fewer there moves none of the others, and the selections of two files that differ in
 * one record differ in at most one replacement. (An order by position would shift with every record that is removed.)
 * @param store - single labels, a record a unit
 * @throws DataError where there is no record to select
 */
export function selectFirstOfEachClass(store: TokenStore, perClass: number, seed: number): TokenStore {
  const { labels } = store;
  if (labels.task !== 'single-label' || store.units !== store.records) {
    throw new DataError(
      `task=${labels.task}: has no classes of records to select from. Leave data.fewShot out.`,
    );
  }
  const classes: { record: number; place: number }[][] = labels.names.names.map(() => []);
  const before = new Map<string, number>();
  for (let record = 0; record < store.records; record++) {
    const label = labels.codes[record]!;
    const content = contentOf(store, record);
    const key = `${label} ${content}`;
    const nth = before.get(key) ?? 0;
    before.set(key, nth + 1);
    classes[label]!.push({ record, place: keyedUniform(seed, ['few-shot', content, nth]) });
  }
  const selected = classes.flatMap((records) =>
    records
      .sort((a, b) => a.place - b.place)
      .slice(0, perClass)
      .map(({ record }) => record),
  );
  if (selected.length === 0) {
    throw new DataError('data.fewShot: the file has no record of any class. Use a file with more rows.');
  }
  return keepUnits(
    store,
    selected.sort((a, b) => a - b),
  );
}

/** The same whatever other records are in the store: it keeps second-text marks for all of its records or for none. */
function contentOf({ ids, typeIds, offsets }: TokenStore, record: number): string {
  const [start, end] = [offsets[record]!, offsets[record + 1]!];
  const marks = typeIds?.subarray(start, end) ?? [];
  const second = marks.findIndex((mark) => mark !== 0);
  return `${ids.subarray(start, end).join(',')};${second < 0 ? '' : marks.join(',')}`;
}
