import type { Config } from './schema.ts';

/** Whether test data is cut out of the training file. */
export function splitsTest({ column, test }: Config['data']['split']): boolean {
  return column !== undefined || test > 0;
}
