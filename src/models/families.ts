import { DataError } from '../../privacy/errors.ts';
import type { JsonObject } from '../formats/index.ts';
import type { Architecture } from './architecture.ts';
import { exportedHead, withoutPoolingLayer } from './own-export.ts';
import { bertArchitecture } from './bert.ts';
import { distilbertArchitecture } from './distilbert.ts';
import { gpt2Architecture } from './gpt2.ts';
import { llamaArchitecture } from './llama.ts';
import { modernbertArchitecture } from './modernbert.ts';

const FAMILIES: Readonly<Record<string, (config: JsonObject) => Architecture>> = {
  bert: bertArchitecture,
  roberta: bertArchitecture,
  'xlm-roberta': bertArchitecture,
  camembert: bertArchitecture,
  distilbert: distilbertArchitecture,
  modernbert: modernbertArchitecture,
  electra: bertArchitecture,
  gpt2: gpt2Architecture,
  llama: llamaArchitecture,
  mistral: llamaArchitecture,
  qwen2: llamaArchitecture,
  qwen3: llamaArchitecture,
  phi3: llamaArchitecture,
  gemma3_text: llamaArchitecture,
};

/** Values of `model_type` that `architectureOf` knows. */
const supportedModelTypes = Object.keys(FAMILIES);

/**
 * The architecture that a config.json describes.
 * @throws DataError for an unknown family, and for a setting of a known one that would be computed wrongly
 */
export function architectureOf(config: JsonObject): Architecture {
  const type = config['model_type'];
  const family = typeof type === 'string' && Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (family === undefined) {
    throw new DataError(
      `config.json: model_type=${JSON.stringify(type)}; supported are ${supportedModelTypes.join(', ')}. Choose a model of one of these.`,
    );
  }
  const ownHead = exportedHead(config);
  return { ...family(withoutPoolingLayer(config, ownHead)), ...(ownHead && { ownHead }) };
}
