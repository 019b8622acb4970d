import { join } from 'node:path';
import { learnByteLevelBpe, learnVocabulary, writeAtomic, type JsonObject } from '../formats/index.ts';
import { writeJson } from './run-directory.ts';

/** What is made: an encoder that reads, or a decoder that writes. */
export type PretrainedKind = 'bert' | 'gpt2';

export interface PretrainedShape {
  readonly kind: PretrainedKind;
  readonly out: string;
  readonly vocabularySize: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly maxTokens: number;
}

/** Learns a vocabulary and writes configuration and tokenizer. @returns config.json */
export async function writePretrainedFiles(
  shape: PretrainedShape,
  lines: readonly string[],
): Promise<JsonObject> {
  return shape.kind === 'bert' ? writeBert(shape, lines) : writeGpt2(shape, lines);
}

async function writeBert(shape: PretrainedShape, lines: readonly string[]): Promise<JsonObject> {
  const { out, layers, width, heads, maxTokens } = shape;
  const vocabulary = learnVocabulary(lines, shape.vocabularySize);
  const config = {
    architectures: ['BertForMaskedLM'],
    model_type: 'bert',
    vocab_size: vocabulary.length,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: 4 * width,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    max_position_embeddings: maxTokens,
    type_vocab_size: 2,
    initializer_range: 0.02,
    layer_norm_eps: 1e-12,
    pad_token_id: 0,
  };
  await writeAtomic(join(out, 'vocab.txt'), [`${vocabulary.join('\n')}\n`]);
  await writeJson(join(out, 'tokenizer_config.json'), {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: true,
    model_max_length: maxTokens,
  });
  await writeJson(join(out, 'config.json'), config);
  return config;
}

async function writeGpt2(shape: PretrainedShape, lines: readonly string[]): Promise<JsonObject> {
  const { out, layers, width, heads, maxTokens } = shape;
  const tokenizer = learnByteLevelBpe(lines, shape.vocabularySize);
  const [end] = tokenizer['added_tokens'] as unknown as readonly { id: number; content: string }[];
  const ends = { bos_token_id: end!.id, eos_token_id: end!.id };
  const config = {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: Object.keys((tokenizer['model'] as JsonObject)['vocab'] as JsonObject).length,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
    n_inner: null,
    n_positions: maxTokens,
    activation_function: 'gelu_new',
    resid_pdrop: 0.1,
    embd_pdrop: 0.1,
    attn_pdrop: 0.1,
    initializer_range: 0.02,
    layer_norm_epsilon: 1e-5,
    tie_word_embeddings: true,
    ...ends,
  };
  const { content } = end!;
  await writeJson(join(out, 'tokenizer.json'), tokenizer);
  await writeJson(join(out, 'tokenizer_config.json'), {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: content,
    eos_token: content,
    clean_up_tokenization_spaces: false,
    model_max_length: maxTokens,
  });
  await writeJson(join(out, 'generation_config.json'), ends);
  await writeJson(join(out, 'config.json'), config);
  return config;
}
