"""Golden token ids from Hugging Face tokenizers (Rust).

    python3 test/golden/formats/tokenizers.py ../shared/data

Writes tokenizers.json and tiny-bert/ beside this file. Without the data folder only the tiny tokenizer is covered.
"""
import hashlib, json, os, sys, tempfile

# This file's own name would hide the package of the same name.
sys.path = [p for p in sys.path if os.path.abspath(p or '.') != os.path.dirname(os.path.abspath(__file__))]
import sentencepiece, tokenizers, transformers
from tokenizers import AddedToken, BertWordPieceTokenizer, ByteLevelBPETokenizer, Tokenizer, normalizers, pre_tokenizers, processors

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = sys.argv[1] if len(sys.argv) > 1 else None

WORDS = """[PAD] [UNK] [CLS] [SEP] [MASK] the a film was good bad not ##s ##ly ##ing ##ed un ##believ ##able e ##e x ##x 1 2 ##3
, . ! ? ' " - # & ( ) cafe uber strasse 東 京 σ ##σ ο ##ς ς ι i ##i ##nt ##o l ##l aa ##a b ##b""".split()

TEXTS = [
    '', ' ', 'The film was good.', 'THE FILM  wasn\'t\tgood!!!', 'unbelievably bad\r\n\r\nnot  a  film',
    'Café Über straße CAFÉ', 'e\u0301e\u0300 é ё Й ñ', '東京は 日本 a京b', 'ΟΔΟΣ σας Σ ΌΣΟΣ', 'İstanbul ıI İİ',
    'zero\u200bwidth\u200djoin\ufeffbom\u00adsoft', 'nul\x00byte \x07bell \x0bvt \x0cff \x85nel', 'a\u00a0b\u2003c\u3000d\u2028e\u2029f',
    '👩\u200d👩\u200d👧 🇪🇸 ❤️ 👍🏽', 'x' * 99 + ' ' + 'x' * 100 + ' ' + 'x' * 101, '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﬁ ﬃ Ⅷ ½ ①', '\ufffd\ufffd repl',
    '[MASK] the [mask] [SEP][CLS] x[UNK]y [PAD', 'a,b.c;d:e/f\\g|h`i~j^k_l=m+n<o>p$q%r@s{t}u', '¿qué? ¡sí! «no» “quo” …—–', 'हिन्दी नमस्ते বাংলা ไทย 한국어',
    'עִבְרִית العَرَبِيَّة فارسی', 'a\u0300\u0301\u0302b', '\u0301lead', 'tab\tnew\nline', 'aaaaaaaaab bbbb eeex', 'ß ẞ ſ K Å',
    '한 각', 'Ⓐⓑ ㍿ ㎏', '\U000e0041tag \ue000private \U0010ffff', "I'm you've they'll we're he'd can't 's 're", '   lead and trail   ',
    'CamelCaseWord snake_case 3.14159 1,000,000 1e-5', 'http://example.com/a?b=c&d=e#f <br/>', '<s> </s> <unk> <|endoftext|> </s><s>', 'a <mask> b  <mask>c', '\u3000 <mask> \x85x\ufeff y', 'ℌello ＦＵＬＬ width', '１２３ ٤٥٦ ۷',
]
PAIRS = [('The film was good.', 'not bad'), ('', 'a b'), ('a b', ''), ('the film ' * 8, 'good bad not ' * 5), ('a', 'the film was good ' * 6), ('the film was good ' * 6, 'a')]
LENGTHS = [None, 5, 6, 8, 9, 16]


def cases(tokenizer):
    tokenizer.no_padding()
    rows = []
    for text in TEXTS:
        tokenizer.no_truncation()
        rows.append({'text': text, 'ids': tokenizer.encode(text).ids})
    for first, second in PAIRS:
        for length in LENGTHS:
            for pair in (None, second):
                tokenizer.no_truncation()
                if length is not None:
                    tokenizer.enable_truncation(length)
                encoding = tokenizer.encode(first, pair)
                row = {'text': first, 'ids': encoding.ids, 'typeIds': encoding.type_ids}
                if pair is not None: row['pair'] = pair
                if length is not None: row['maxLength'] = length
                rows.append(row)
    return rows


def sweep():
    """For each block of 4,096 code points the SHA-256 of what BERT's normaliser and splitter make of a + c + b."""
    blocks = {}
    splitter = pre_tokenizers.BertPreTokenizer()
    for lowercase in (True, False):
        normalizer = normalizers.BertNormalizer(lowercase=lowercase)
        hashes = []
        for start in range(0, 0x110000, 4096):
            lines = []
            for code in range(start, start + 4096):
                if 0xD800 <= code < 0xE000: continue
                text = normalizer.normalize_str('a' + chr(code) + 'b')
                lines.append(json.dumps([w for w, _ in splitter.pre_tokenize_str(text)], ensure_ascii=False, separators=(',', ':')))
            hashes.append(hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:16])
        blocks['uncased' if lowercase else 'cased'] = hashes
    return blocks


os.makedirs(os.path.join(HERE, 'tiny-bert'), exist_ok=True)
tiny = os.path.join(HERE, 'tiny-bert', 'vocab.txt')
with open(tiny, 'w') as file: file.write('\n'.join(WORDS) + '\n')

# A byte-level tokenizer as RoBERTa has it: <mask> takes the space on its left, a pair has two separators between.
tiny_roberta = ByteLevelBPETokenizer(add_prefix_space=False)
tiny_roberta.train_from_iterator(TEXTS * 3, vocab_size=320, min_frequency=2, special_tokens=['<s>', '<pad>', '</s>', '<unk>'], show_progress=False)
tiny_roberta.add_special_tokens([AddedToken('<mask>', lstrip=True, normalized=False)])
tiny_roberta._tokenizer.post_processor = processors.RobertaProcessing(('</s>', 2), ('<s>', 0), add_prefix_space=False)
os.makedirs(os.path.join(HERE, 'tiny-roberta'), exist_ok=True)
tiny_roberta.save(os.path.join(HERE, 'tiny-roberta', 'tokenizer.json'), pretty=False)

# A SentencePiece unigram model with its compiled normaliser, as XLM-R has it.
with tempfile.TemporaryDirectory() as folder:
    corpus = os.path.join(folder, 'corpus.txt')
    with open(corpus, 'w') as file: file.write('\n'.join(t.replace('\n', ' ').replace('\0', '') for t in TEXTS if t.strip()) + '\n' + TEXTS[2] * 3)
    sentencepiece.SentencePieceTrainer.train(input=corpus, model_prefix=os.path.join(folder, 'sp'), vocab_size=380, model_type='unigram', character_coverage=0.98,
                                             bos_id=0, pad_id=1, eos_id=2, unk_id=3, hard_vocab_limit=False, minloglevel=2)
    os.rename(os.path.join(folder, 'sp.model'), os.path.join(folder, 'sentencepiece.bpe.model'))
    transformers.XLMRobertaTokenizer.from_pretrained(folder).save_pretrained(os.path.join(HERE, 'tiny-xlm-roberta'))
tiny_unigram = Tokenizer.from_file(os.path.join(HERE, 'tiny-xlm-roberta', 'tokenizer.json'))

out = {'tool': 'tokenizers', 'version': tokenizers.__version__, 'transformers': transformers.__version__, 'sentencepiece': sentencepiece.__version__, 'command': 'python test/golden/formats/tokenizers.py ../shared/data',
       'sweep': sweep(), 'tokenizers': {}}
out['tokenizers']['tiny-bert'] = cases(BertWordPieceTokenizer(tiny, lowercase=True))
out['tokenizers']['tiny-bert-cased'] = cases(BertWordPieceTokenizer(tiny, lowercase=False))
out['tokenizers']['tiny-xlm-roberta'] = cases(tiny_unigram)
out['tokenizers']['tiny-roberta'] = cases(tiny_roberta)
if DATA:
    out['tokenizers']['tokenizers/bert-base-uncased'] = cases(BertWordPieceTokenizer(os.path.join(DATA, 'tokenizers/bert-base-uncased/vocab.txt'), lowercase=True))
    for name in ('tokenizers/gpt2', 'models/all-MiniLM-L6-v2', 'models/imdb-bert-tiny', 'models/stories260K'):
        out['tokenizers'][name] = cases(Tokenizer.from_file(os.path.join(DATA, name, 'tokenizer.json')))
with open(os.path.join(HERE, 'tokenizers.json'), 'w') as file:
    json.dump(out, file, ensure_ascii=True, separators=(',', ':'))
