import type { Architecture, Head, NetworkOptions, Task } from '../models/index.ts';
import type { BaseModel } from './base-model.ts';
import type { Settings } from './settings.ts';

/** The kind of a head; the checkpoint's own is the family's, unless dptune wrote it. */
export function headOf(head: Settings['head'], { ownHead, family }: Architecture, task: Task): Head {
  if (head !== 'checkpoint') return head;
  if (task === 'token-classification') return 'token';
  return ownHead?.head ?? (family === 'decoder' ? 'last-token' : 'pooler');
}

/** The part of a network's options that says what its head is. */
type NetworkHead = Pick<NetworkOptions, 'head' | 'mark' | 'words'>;

/**
 * @param words - token ids of the label words, where the language model answers by them
 */
export function networkHead(
  head: Settings['head'],
  words: readonly number[] | undefined,
  { architecture, tokenizer, padId }: Pick<BaseModel, 'architecture' | 'tokenizer' | 'padId'>,
  task: Task,
): NetworkHead {
  if (words) {
    const isEncoder = architecture.family === 'encoder';
    const mark = isEncoder
      ? ({ kind: 'token', token: tokenizer.special.mask! } as const)
      : ({ kind: 'last' } as const);
    return { head: 'verbalizer', mark, words };
  }
  const kind = headOf(head, architecture, task);
  // As transformers finds a record's last token: by the token that pads.
  return kind === 'last-token' ? { head: kind, mark: { kind: 'last', except: padId } } : { head: kind };
}

/** Token ids of a plan's label words. */
export function wordsOf({
  verbalizer,
}: {
  readonly verbalizer?: { readonly words: readonly { readonly token: number }[] };
}): readonly number[] | undefined {
  return verbalizer?.words.map(({ token }) => token);
}
