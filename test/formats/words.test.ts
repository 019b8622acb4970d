import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/formats/index.ts';

interface Case {
  readonly words: readonly string[];
  readonly maxLength?: number;
  readonly ids: readonly number[];
  readonly firsts: readonly number[];
}
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden = JSON.parse(readFileSync(here('../golden/formats/words.json'), 'utf8')) as {
  readonly tokenizers: Readonly<Record<string, readonly Case[]>>;
};

describe('tokens of words, and where each begins, equal those of Hugging Face tokenizers', () => {
  for (const [name, cases] of Object.entries(golden.tokenizers)) {
    const path = here(name.includes('/') ? `../../../shared/data/${name}` : `../golden/formats/${name}`);
    const absent = !existsSync(path);
    it.skipIf(absent)(`${name}${absent ? ' (skipped: ../shared/data is absent)' : ''}`, async () => {
      const tokenizer = await loadTokenizer(path);
      const wrong = cases.flatMap(({ words, maxLength, ids, firsts }) => {
        const got = tokenizer.encodeWords(words, maxLength === undefined ? {} : { maxLength });
        const same =
          JSON.stringify([...got.ids]) === JSON.stringify(ids) &&
          JSON.stringify([...got.words]) === JSON.stringify(firsts);
        return same ? [] : [{ words, maxLength, ids, got: [...got.ids], firsts, gotFirsts: [...got.words] }];
      });
      expect(wrong).toEqual([]);
    });
  }
});
