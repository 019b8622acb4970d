import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bertWords } from '../../src/formats/wordpiece.ts';
import { loadTokenizer, type Tokenizer } from '../../src/formats/index.ts';
import { createTokenizer } from '../../src/formats/tokenizer.ts';
import { tokenizerFromVocabulary } from '../../src/formats/tokenizer-rules.ts';

interface Case {
  text: string;
  pair?: string;
  maxLength?: number;
  ids: number[];
  typeIds?: number[];
}
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const golden = JSON.parse(readFileSync(here('../golden/formats/tokenizers.json'), 'utf8')) as {
  sweep: Record<'cased' | 'uncased', string[]>;
  tokenizers: Record<string, Case[]>;
};

async function load(name: string): Promise<Tokenizer> {
  if (['tiny-bert', 'tiny-roberta', 'tiny-xlm-roberta'].includes(name))
    return loadTokenizer(here(`../golden/formats/${name}`));
  if (name === 'tiny-bert-cased') {
    const vocabulary = readFileSync(here('../golden/formats/tiny-bert/vocab.txt'), 'utf8');
    const options = { do_lower_case: false };
    return createTokenizer(tokenizerFromVocabulary(vocabulary, options, name), options, name);
  }
  return loadTokenizer(here(`../../../shared/data/${name}`));
}

describe('token ids equal those of Hugging Face tokenizers', () => {
  for (const [name, cases] of Object.entries(golden.tokenizers)) {
    const absent = name.includes('/') && !existsSync(here(`../../../shared/data/${name}`));
    it.skipIf(absent)(`${name}${absent ? ' (skipped: ../shared/data is absent)' : ''}`, async () => {
      const tokenizer = await load(name);
      const wrong = cases.flatMap(({ text, pair, maxLength, ids, typeIds }) => {
        const got = tokenizer.encode(text, pair, maxLength === undefined ? {} : { maxLength });
        const same =
          JSON.stringify([...got.ids]) === JSON.stringify(ids) &&
          (typeIds === undefined || JSON.stringify([...got.typeIds]) === JSON.stringify(typeIds));
        return same ? [] : [{ text, pair, maxLength, expected: ids, got: [...got.ids] }];
      });
      expect(wrong).toEqual([]);
    });
  }
});

// Beyond U+1FFFF: ideographs and private characters, all treated alike, and the tags at U+E0000. One block of each will do.
const ALIKE = (block: number) => block >= 0x20 && ![0x2a, 0x2f, 0xe0, 0xf0].includes(block);
// Letters newer than the running Unicode tables have no lower case yet.
const unicode = Number(process.versions.unicode);
describe.skipIf(unicode < 17)(
  `every code point splits as in tokenizers (needs Unicode 17, here ${unicode})`,
  () => {
    for (const casing of ['uncased', 'cased'] as const) {
      it(`${casing} text`, () => {
        const lowercase = casing === 'uncased';
        const rules = { lowercase, stripAccents: lowercase, splitCjk: true };
        const differing = golden.sweep[casing].flatMap((expected, block) => {
          if (ALIKE(block)) return [];
          const lines: string[] = [];
          for (let code = block * 4096; code < (block + 1) * 4096; code++) {
            if (code >= 0xd800 && code < 0xe000) continue;
            const text = `a${String.fromCodePoint(code)}b`;
            lines.push(
              JSON.stringify(
                text.split(/[\t\n\r\p{Zs}\u2028\u2029]/u).flatMap((chunk) => bertWords(chunk, rules)),
              ),
            );
          }
          const hash = createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16);
          return hash === expected ? [] : [(block * 4096).toString(16)];
        });
        expect(differing).toEqual([]);
      });
    }
  },
);

describe('a compiled normaliser', () => {
  const path = here('../golden/formats/tiny-xlm-roberta/tokenizer.json');
  it('is refused damaged, or where it is not the first step', () => {
    const tokenizer = JSON.parse(readFileSync(path, 'utf8')) as {
      normalizer: { precompiled_charsmap: string };
    };
    const { precompiled_charsmap: map } = tokenizer.normalizer;
    const cut = {
      ...tokenizer,
      normalizer: { type: 'Precompiled', precompiled_charsmap: map.slice(0, 1000) },
    };
    expect(() => createTokenizer(cut, {}, 'f')).toThrow(/f: normalizer\.precompiled_charsmap is damaged/);
    const later = { type: 'Sequence', normalizers: [{ type: 'NFC' }, tokenizer.normalizer] };
    expect(() => createTokenizer({ ...tokenizer, normalizer: later }, {}, 'f')).toThrow(/first step only/);
  });
});

describe('encode', () => {
  it('reports truncation, full length and unknown tokens of what is kept', async () => {
    const tokenizer = await load('tiny-bert');
    const whole = tokenizer.encode('the zzz film was zzz good');
    expect(whole).toMatchObject({ truncated: false, fullLength: 8, unknown: 2 });
    const cut = tokenizer.encode('the zzz film was zzz good', undefined, { maxLength: 5 });
    expect(cut).toMatchObject({ truncated: true, fullLength: 8, unknown: 1 });
    expect(cut.ids).toHaveLength(5);
  });

  it('refuses a length that leaves no room for text', async () => {
    const tokenizer = await load('tiny-bert');
    expect(() => tokenizer.encode('a', 'b', { maxLength: 3 })).toThrow(/maxLength=3; 3 special tokens/);
  });

  it('gives the same ids the second time, from its memory of words', async () => {
    const tokenizer = await load('tiny-bert');
    const text = 'Unbelievably good, ΟΔΟΣ café!';
    expect(tokenizer.encode(text)).toEqual(tokenizer.encode(text));
  });

  it('drops lone surrogates', async () => {
    const tokenizer = await load('tiny-bert');
    expect(tokenizer.encode('a\ud800 film').ids).toEqual(tokenizer.encode('a film').ids);
  });

  it('knows its special tokens and decodes without them', async () => {
    const tokenizer = await load('tiny-bert');
    expect(tokenizer.special).toEqual({ pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
    expect(tokenizer.decode([...tokenizer.encode('the film was good').ids])).toBe('the film was good');
  });
});
