import { InvalidParameterError } from '../../privacy/index.ts';
import type { BaseModel } from './base-model.ts';

/** Whether a model's checkpoint has what predicts words: decoders have it, encoders where it was kept. */
export function hasLanguageHead({
  directory,
  architecture,
}: Pick<BaseModel, 'directory' | 'architecture'>): boolean {
  if (architecture.family === 'decoder') return true;
  const wanted = architecture.modelType === 'distilbert' ? 'vocab_transform.weight' : undefined;
  const names = [...directory.weights.tensors.keys()];
  return names.some(
    (name) => name === wanted || /^(cls\.predictions|lm_head|generator_predictions|decoder)\./.test(name),
  );
}

/** @throws InvalidParameterError for a model whose label words would come from a map that nothing trained */
export function requireLanguageHead(model: BaseModel): void {
  const { directory, architecture, tokenizer, reference } = model;
  const wanted = 'Choose a model that has one, or train.head: auto.';
  if (!hasLanguageHead(model)) {
    throw new InvalidParameterError(
      `train.head=verbalizer: the checkpoint of ${reference} has no masked-language-model head, which predicts words. ${wanted}`,
    );
  }
  if (architecture.family === 'decoder') return;
  if (tokenizer.special.mask === undefined) {
    throw new InvalidParameterError(
      `train.head=verbalizer: the tokenizer of ${reference} has no mask token. ${wanted}`,
    );
  }
  if (directory.config['tie_word_embeddings'] === false) {
    throw new InvalidParameterError(
      `train.head=verbalizer: ${reference} has an output map apart from its word table (tie_word_embeddings=false), which is not supported in an encoder. ${wanted}`,
    );
  }
}
