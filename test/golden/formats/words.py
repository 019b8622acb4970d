"""Golden token ids of sentences given as words, from Hugging Face tokenizers (Rust), each word with the space before it that it has in a text.

    python3 test/golden/formats/words.py ../shared/data

Writes words.json beside this file. Without the data folder only the tiny tokenizers are covered.
"""
import json, os, sys

# The name of a file beside this one would hide the package of the same name.
sys.path = [p for p in sys.path if os.path.abspath(p or '.') != os.path.dirname(os.path.abspath(__file__))]
import tokenizers
from tokenizers import BertWordPieceTokenizer, Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = sys.argv[1] if len(sys.argv) > 1 else None
SENTENCES = [
    ['The', 'film', 'was', 'good', '.'], ['unbelievable', 'cafés', ',', 'xxly', '&', '(', 'bad', ')'], [], ['film'], ["wasn't", 'U.S.', '3.14', 'e-mail'],
    ['\u200b', 'a', '\u0301', 'b'], ['ΟΔΟΣ', '東京', 'straße', 'İi'], ['film'] * 12, ['unbelievable'] * 5,
]
LENGTHS = [None, 5, 8, 12]


def spaced(tokenizer):
    """is_split_into_words wants byte-level tokenizers to put the space before every word."""
    state = json.loads(tokenizer.to_str())
    splitter = state.get('pre_tokenizer') or {}
    if splitter.get('type') == 'ByteLevel': splitter['add_prefix_space'] = True
    return Tokenizer.from_str(json.dumps(state))


def cases(tokenizer):
    tokenizer = spaced(tokenizer)
    tokenizer.no_padding()
    rows = []
    for words in SENTENCES:
        for length in LENGTHS:
            tokenizer.no_truncation()
            if length is not None: tokenizer.enable_truncation(length)
            encoding = tokenizer.encode(words, is_pretokenized=True)
            firsts = [-1] * len(words)
            for place, (word, special) in enumerate(zip(encoding.word_ids, encoding.special_tokens_mask)):
                if word is not None and not special and firsts[word] < 0: firsts[word] = place
            rows.append({'words': words, **({'maxLength': length} if length else {}), 'ids': encoding.ids, 'firsts': firsts})
    return rows


out = {'tool': 'tokenizers', 'version': tokenizers.__version__, 'command': 'python test/golden/formats/words.py ../shared/data', 'tokenizers': {}}
out['tokenizers']['tiny-bert'] = cases(BertWordPieceTokenizer(os.path.join(HERE, 'tiny-bert', 'vocab.txt'), lowercase=True)._tokenizer)
for name in ('tiny-roberta', 'tiny-xlm-roberta'):
    out['tokenizers'][name] = cases(Tokenizer.from_file(os.path.join(HERE, name, 'tokenizer.json')))
if DATA:
    path = os.path.join(DATA, 'models', 'all-MiniLM-L6-v2', 'tokenizer.json')
    out['tokenizers']['models/all-MiniLM-L6-v2'] = cases(Tokenizer.from_file(path))
with open(os.path.join(HERE, 'words.json'), 'w') as file:
    json.dump(out, file, separators=(',', ':'))
