import { DataError } from '../../privacy/errors.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';

/** One part of a model's input: fixed tokens, or the tokens of the first or second text. */
type TemplatePart =
  | { readonly kind: 'special'; readonly ids: readonly number[]; readonly typeId: number }
  | { readonly kind: 'text'; readonly which: 0 | 1; readonly typeId: number };

/** How special tokens surround one text and two. */
export interface TokenTemplate {
  readonly single: readonly TemplatePart[];
  readonly pair: readonly TemplatePart[];
}

const text = (which: 0 | 1, typeId: number): TemplatePart => ({ kind: 'text', which, typeId });
const BARE: TokenTemplate = { single: [text(0, 0)], pair: [text(0, 0), text(1, 1)] };

/**
 * The template that a tokenizer.json's `post_processor` describes.
 * @throws DataError for a kind that is not known here
 */
export function tokenTemplate(processor: Json | undefined, label: string): TokenTemplate {
  if (processor === null || processor === undefined) return BARE;
  const type = isJsonObject(processor) ? processor['type'] : undefined;
  if (isJsonObject(processor)) {
    switch (type) {
      case 'ByteLevel':
        return BARE;
      case 'TemplateProcessing':
        return {
          single: templateParts(processor['single'], processor['special_tokens'], label),
          pair: templateParts(processor['pair'], processor['special_tokens'], label),
        };
      case 'BertProcessing': {
        const [cls, sep] = [special(processor, 'cls', label), special(processor, 'sep', label)];
        const single = [cls(0), text(0, 0), sep(0)];
        return { single, pair: [...single, text(1, 1), sep(1)] };
      }
      case 'RobertaProcessing': {
        const [cls, sep] = [special(processor, 'cls', label), special(processor, 'sep', label)];
        const single = [cls(0), text(0, 0), sep(0)];
        return { single, pair: [...single, sep(0), text(1, 0), sep(0)] };
      }
      case 'Sequence': {
        const steps = Array.isArray(processor['processors'])
          ? (processor['processors'] as readonly Json[])
          : [];
        const templates = steps
          .map((step) => tokenTemplate(step, label))
          .filter((template) => template !== BARE);
        if (templates.length > 1) throw new DataError(`${label}: post_processor has more than one template.`);
        return templates[0] ?? BARE;
      }
    }
  }
  throw new DataError(
    `${label}: post_processor.type=${JSON.stringify(type)}; known are TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel and Sequence.`,
  );
}

/** `[token, id]` under `key`, as a part with a given type id. */
function special(processor: JsonObject, key: string, label: string): (typeId: number) => TemplatePart {
  const entry = processor[key];
  const id = Array.isArray(entry) ? (entry as readonly Json[])[1] : undefined;
  if (typeof id !== 'number') throw new DataError(`${label}: post_processor.${key} must be [token, id].`);
  return (typeId) => ({ kind: 'special', ids: [id], typeId });
}

function templateParts(parts: Json | undefined, specials: Json | undefined, label: string): TemplatePart[] {
  if (!Array.isArray(parts)) throw new DataError(`${label}: post_processor.single and .pair must be lists.`);
  return (parts as readonly Json[]).map((part) => {
    const [kind, body] = isJsonObject(part) ? (Object.entries(part)[0] ?? []) : [];
    if (isJsonObject(body)) {
      const { id, type_id: typeId } = body;
      if (typeof typeId === 'number') {
        if (kind === 'Sequence' && (id === 'A' || id === 'B')) return text(id === 'A' ? 0 : 1, typeId);
        if (kind === 'SpecialToken' && typeof id === 'string' && isJsonObject(specials)) {
          const entry = Object.hasOwn(specials, id) ? specials[id] : undefined;
          const ids = isJsonObject(entry) ? entry['ids'] : undefined;
          if (Array.isArray(ids) && ids.every((value) => typeof value === 'number')) {
            return { kind: 'special', ids, typeId };
          }
        }
      }
    }
    throw new DataError(`${label}: post_processor has a part that cannot be read: ${JSON.stringify(part)}.`);
  });
}

/**
 * How many tokens of each text are kept where both have `budget` tokens of room: the longer is cut first, and where both
 * are longer than half, each gets half (`longest_first` of Hugging Face tokenizers, utils/truncation.rs).
 */
export function keptLengths(first: number, second: number, budget: number): readonly [number, number] {
  if (first + second <= budget) return [first, second];
  const short = Math.min(first, second);
  const long = short > budget ? short : Math.max(short, budget - short);
  const [a, b] =
    short + long > budget ? [Math.floor(budget / 2), Math.floor(budget / 2) + (budget % 2)] : [short, long];
  return first <= second ? [a, b] : [b, a];
}
