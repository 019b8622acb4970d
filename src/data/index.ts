export { microBatches, type MicroBatch, type MicroBatchOptions } from './batches.ts';
export { sha256File } from './checksum.ts';
export { CLEANING_STEPS, createCleaner, type Cleaner, type CleaningStep } from './cleaning.ts';
export type { Columns } from './columns.ts';
export { describe, type PrivateDescription } from './description.ts';
export { selectFirstOfEachClass } from './few-shot.ts';
export { joinStores } from './joining.ts';
export type { LabelNames, Labels, Task, WordTags } from './labels.ts';
export {
  readSplit,
  readSplitByColumn,
  readStore,
  type ReadOptions,
  type SplitFractions,
  type SplitStores,
  type Tokenizer,
} from './read.ts';
export { openRows, type DataFormat, type OpenOptions, type Row, type RowSource } from './rows.ts';
export { keepUnits } from './subset.ts';
export { unitSubsets } from './subsets.ts';
export { allUnits, lengthOf, type Encoding, type ReadCounts, type Slice, type TokenStore } from './store.ts';
