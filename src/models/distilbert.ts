import type { JsonObject } from '../formats/index.ts';
import { activationOf } from './activations.ts';
import type { Architecture } from './architecture.ts';
import { configFields } from './config-fields.ts';
import { encoderEmbeddings, encoderLayer, type EncoderNames, type EncoderSettings } from './encoder.ts';

/** DistilBERT (Sanh et al., arXiv:1910.01108): BERT's layers without segments and pooler. Paths as in transformers 5.23. */
export function distilbertArchitecture(config: JsonObject): Architecture {
  const fields = configFields(config);
  const settings: EncoderSettings = {
    vocabularySize: fields.count('vocab_size'),
    hiddenSize: fields.count('dim', 768),
    heads: fields.count('n_heads', 12),
    intermediateSize: fields.count('hidden_dim', 3072),
    positions: fields.count('max_position_embeddings', 512),
    typeVocabularySize: 0,
    epsilon: 1e-12,
    activation: activationOf(fields, 'activation', 'gelu'),
  };
  if (settings.hiddenSize % settings.heads !== 0) fields.fail('n_heads', 'it must divide dim');
  const names: EncoderNames = {
    embeddings: 'distilbert.embeddings',
    layer: (index) => {
      const path = `distilbert.transformer.layer.${index}`;
      return {
        query: `${path}.attention.q_lin`,
        key: `${path}.attention.k_lin`,
        value: `${path}.attention.v_lin`,
        attentionOutput: `${path}.attention.out_lin`,
        attentionNorm: `${path}.sa_layer_norm`,
        intermediate: `${path}.ffn.lin1`,
        output: `${path}.ffn.lin2`,
        outputNorm: `${path}.output_layer_norm`,
      };
    },
  };
  const { hiddenSize } = settings;
  return {
    modelType: 'distilbert',
    className: 'DistilBert',
    family: 'encoder',
    vocabularySize: settings.vocabularySize,
    hiddenSize,
    layers: fields.layers('n_layers', 6),
    maxTokens: settings.positions,
    positionOffset: 0,
    initializerRange: fields.positive('initializer_range', 0.02),
    prefix: 'distilbert',
    loraTargets: ['q_lin', 'v_lin'],
    unused: /^vocab_|^pre_classifier\.|^classifier\.|^qa_outputs\.|\.position_ids$/,
    embeddings: (modules) => encoderEmbeddings(modules, settings, names),
    layer: (modules, index, x) => encoderLayer(modules, settings, names, index, x),
    final: (_, x) => x,
    languageHead: (modules, x) => {
      const y = settings.activation(
        modules.builder,
        modules.linear('vocab_transform', x, hiddenSize, { place: 'head' }),
      );
      const states = modules.layerNorm('vocab_layer_norm', y, settings.epsilon, 'head');
      return modules.tied(
        'distilbert.embeddings.word_embeddings',
        states,
        settings.vocabularySize,
        'vocab_projector.bias',
      );
    },
    encoder: {
      layerPaths: names.layer,
      intermediateSize: settings.intermediateSize,
      epsilon: settings.epsilon,
      layersKey: 'n_layers',
      denseHead: { dense: 'pre_classifier', output: 'classifier', activation: 'relu' },
    },
    pooler: (modules, first, labels) => {
      const y = modules.builder.relu(modules.linear('pre_classifier', first, hiddenSize, { place: 'head' }));
      return modules.linear('classifier', modules.drop(y), labels, { place: 'head' });
    },
  };
}
