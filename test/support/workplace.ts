import { afterAll, beforeAll } from 'vitest';
import { emptyWorkplace, fillWorkplace, type Workplace } from './tiny-job.ts';

/** A workplace for all tests of a file: made before the first of them, removed after the last. */
export function useWorkplace(): Workplace {
  const place = emptyWorkplace();
  beforeAll(() => fillWorkplace(place));
  afterAll(place.remove);
  return place;
}
