import type { JsonObject } from '../formats/index.ts';
import { activationOf } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { configFields } from './config-fields.ts';
import { encoderEmbeddings, encoderLayer, type EncoderNames, type EncoderSettings } from './encoder.ts';

/**
 * BERT (arXiv:1810.04805), RoBERTa (arXiv:1907.11692) and those that differ from it in their vocabulary only, and ELECTRA
 * (arXiv:2003.10555). Paths and meaning as in transformers 5.23, models/bert, models/roberta and models/electra.
 *
 * RoBERTa's positions begin at pad_token_id + 1; ELECTRA's embeddings may be narrower; each has heads of its own.
 */
export function bertArchitecture(config: JsonObject): Architecture {
  const fields = configFields(config);
  const electra = fields.modelType === 'electra';
  const bert = fields.modelType === 'bert';
  const prefix = bert || electra ? fields.modelType : 'roberta';
  fields.only('position_embedding_type', ['absolute']);
  fields.only('is_decoder', [false]);
  fields.only('add_cross_attention', [false]);
  const settings: EncoderSettings = {
    vocabularySize: fields.count('vocab_size'),
    hiddenSize: fields.count('hidden_size'),
    ...(electra && { embeddingSize: fields.count('embedding_size', 128) }),
    heads: fields.count('num_attention_heads'),
    intermediateSize: fields.count('intermediate_size'),
    positions: fields.count('max_position_embeddings'),
    typeVocabularySize: fields.count('type_vocab_size', 2),
    epsilon: fields.positive('layer_norm_eps', 1e-12),
    activation: activationOf(fields, 'hidden_act', 'gelu'),
  };
  if (settings.hiddenSize % settings.heads !== 0)
    fields.fail('num_attention_heads', 'it must divide hidden_size');
  const padId = config['pad_token_id'] ?? 1;
  const shifted = !bert && !electra;
  if (shifted && !Number.isSafeInteger(padId)) fields.fail('pad_token_id', 'it must be a token id');
  const positionOffset = shifted ? (padId as number) + 1 : 0;
  const names: EncoderNames = {
    embeddings: `${prefix}.embeddings`,
    layer: (index) => {
      const path = `${prefix}.encoder.layer.${index}`;
      return {
        query: `${path}.attention.self.query`,
        key: `${path}.attention.self.key`,
        value: `${path}.attention.self.value`,
        attentionOutput: `${path}.attention.output.dense`,
        attentionNorm: `${path}.attention.output.LayerNorm`,
        intermediate: `${path}.intermediate.dense`,
        output: `${path}.output.dense`,
        outputNorm: `${path}.output.LayerNorm`,
      };
    },
  };
  const { hiddenSize } = settings;
  const denseHead = bert
    ? ({ dense: 'bert.pooler.dense', output: 'classifier', activation: 'tanh' } as const)
    : ({
        dense: 'classifier.dense',
        output: 'classifier.out_proj',
        activation: electra ? 'gelu' : 'tanh',
      } as const);
  return {
    modelType: fields.modelType,
    family: 'encoder',
    vocabularySize: settings.vocabularySize,
    hiddenSize,
    layers: fields.layers('num_hidden_layers'),
    maxTokens: settings.positions - positionOffset,
    positionOffset,
    initializerRange: fields.positive('initializer_range', 0.02),
    prefix,
    className: CLASS_NAMES[fields.modelType]!,
    loraTargets: ['query', 'value'],
    embeddings: (modules) => encoderEmbeddings(modules, settings, names),
    layer: (modules, index, x) => encoderLayer(modules, settings, names, index, x),
    final: (_, x) => x,
    unused:
      /^(bert|roberta)\.pooler\.|^cls\.|^lm_head\.|^(generator|discriminator)_|^classifier\.|^qa_outputs\.|\.position_ids$|\.token_type_ids$/,
    languageHead: (modules, x) => {
      const { dense, norm, bias } = LANGUAGE_HEADS[prefix]!;
      const act = bert ? settings.activation : GELU;
      const width = settings.embeddingSize ?? hiddenSize;
      const y = act(modules.builder, modules.linear(dense, x, width, { place: 'head' }));
      const states = modules.layerNorm(norm, y, settings.epsilon, 'head');
      const words = `${prefix}.embeddings.word_embeddings`;
      return modules.tied(words, states, settings.vocabularySize, bias);
    },
    encoder: {
      layerPaths: names.layer,
      intermediateSize: settings.intermediateSize,
      epsilon: settings.epsilon,
      layersKey: 'num_hidden_layers',
      denseHead,
    },
    pooler: (modules, first, labels) => {
      const y = modules.linear(denseHead.dense, bert ? first : modules.drop(first), hiddenSize, {
        place: 'head',
      });
      const { builder } = modules;
      const act = electra ? builder.gelu(y) : builder.tanh(y);
      return modules.linear(denseHead.output, modules.drop(act), labels, {
        place: 'head',
      });
    },
  };
}

const GELU: EncoderSettings['activation'] = (builder, x) => builder.gelu(x);

const CLASS_NAMES: Readonly<Record<string, string>> = {
  bert: 'Bert',
  roberta: 'Roberta',
  'xlm-roberta': 'XLMRoberta',
  camembert: 'Camembert',
  electra: 'Electra',
};

const LANGUAGE_HEADS: Readonly<Record<string, Readonly<Record<'dense' | 'norm' | 'bias', string>>>> = {
  bert: {
    dense: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    bias: 'cls.predictions.bias',
  },
  roberta: { dense: 'lm_head.dense', norm: 'lm_head.layer_norm', bias: 'lm_head.bias' },
  electra: {
    dense: 'generator_predictions.dense',
    norm: 'generator_predictions.LayerNorm',
    bias: 'generator_lm_head.bias',
  },
};
