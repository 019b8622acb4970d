export { writeAtomic } from './atomic-file.ts';
export { isJsonObject, parseJsonObject, type Json, type JsonObject } from './json.ts';
export { digestFile, openModel, type FileDigest, type ModelDirectory } from './model-directory.ts';
export { openSafetensors, writeSafetensors, type NamedTensor, type SafetensorsFile } from './safetensors.ts';
export type { TensorInfo } from './safetensors-header.ts';
export type { TensorDType } from './dtypes.ts';
export { openWeights, type Weights } from './weights.ts';
export {
  createTokenizer,
  loadTokenizer,
  type Encoding,
  type SpecialKind,
  type Tokenizer,
} from './tokenizer.ts';
export { writeAdapter, writeModel, type AdapterToWrite, type ModelToWrite } from './model-writer.ts';
export { bertSpecials, learnVocabulary } from './vocabulary.ts';
export { resolveModel, type ResolvedModel, type ResolveOptions } from './hub.ts';
