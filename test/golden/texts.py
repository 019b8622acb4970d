"""Figures of texts by their reference implementations: sacrebleu, rouge-score, pycocoevalcap's CIDEr scorer, seqeval.

    python3 test/golden/texts.py

writes texts.json beside this file. CIDEr is given lower-case mteval-13a tokens without punctuation.
"""
import importlib.metadata, json, os, random
import numpy as np
import sacrebleu
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from rouge_score import rouge_scorer
from pycocoevalcap.cider.cider_scorer import CiderScorer
from seqeval.metrics import f1_score, precision_score, recall_score

random.seed(20261124)
subjects = ['The dog', 'A small cat', 'Two children', 'My neighbour', 'The old man', 'A woman in red']
verbs = ['runs', 'is walking', 'plays', 'sat down', 'stopped', "didn't wait"]
places = ['in the park', 'by the river', 'at 5.30 p.m.', 'on the well-known road', 'near the U.S. border', 'for 1,000 days', 'with a "friend" (again)']
ends = ['.', '!', '', ' & went home.', ', then left; at last.']


def sentence(): return f"{random.choice(subjects)} {random.choice(verbs)} {random.choice(places)}{random.choice(ends)}"


def near(text):
    words = text.split()
    for _ in range(random.randint(0, 3)):
        i = random.randrange(len(words))
        if random.random() < .5 and len(words) > 2: words.pop(i)
        else: words.insert(i, random.choice(['very', 'the', 'slowly', '-', 'a']))
    return ' '.join(words)


tokenizer = Tokenizer13a()
def tokens(text): return ' '.join(t for t in tokenizer(text.lower()).split() if any(c.isalnum() for c in t))


def case(name, texts, references):
    width = max(map(len, references))
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(width)]
    scorer = rouge_scorer.RougeScorer(['rouge1', 'rouge2', 'rougeL'])
    rouge = [scorer.score_multi(r, t) for t, r in zip(texts, references)]
    cider = CiderScorer()
    for t, r in zip(texts, references): cider += (tokens(t), [tokens(x) for x in r])
    bleu = sacrebleu.corpus_bleu(texts, streams)
    return {'name': name, 'texts': texts, 'references': references, 'bleu': bleu.score, 'chrf': sacrebleu.corpus_chrf(texts, streams).score,
            **{k: float(np.mean([s[k].fmeasure for s in rouge])) for k in ('rouge1', 'rouge2', 'rougeL')}, 'cider': float(cider.compute_score()[0])}


base = [sentence() for _ in range(25)]
references = [[near(b) for _ in range(random.randint(1, 4))] for b in base]
cases = [
    case('near the references', [near(b) for b in base], references),
    case('the references themselves', [r[0] for r in references], references),
    case('other texts', [sentence() for _ in base], references),
    case('texts of one word, and none', ['dog', '', 'Dog.', 'park'] , [['dog'], ['a dog'], ['the dog ran', 'no'], ['in the park']]),
    case('entities and tags', ['a &amp; b &lt;c&gt; "x" <skipped> 3-4 1.5,2', 'x-\ny z.'], [['a & b <c> "x" 3-4 1.5 , 2'], ['xy z .']]),
]


def tags(bioes):
    out = []
    while len(out) < 12:
        kind = random.choice(['PER', 'LOC', 'ORG'])
        n = random.randint(1, 3)
        if random.random() < .4: out += ['O'] * n
        elif bioes: out += [f'S-{kind}'] if n == 1 else [f'B-{kind}'] + [f'I-{kind}'] * (n - 2) + [f'E-{kind}']
        else: out += [f'B-{kind}'] + [f'I-{kind}'] * (n - 1)
    return out[:12]


entities = []
for bioes in (False, True):
    truth = [tags(bioes) for _ in range(12)]
    guess = [[random.choice(tags(bioes)) if random.random() < .25 else t for t in s] for s in truth]
    entities.append({'truth': truth, 'predicted': guess, 'precision': float(precision_score(truth, guess)), 'recall': float(recall_score(truth, guess)), 'f1': float(f1_score(truth, guess))})

versions = {p: importlib.metadata.version(p) for p in ('sacrebleu', 'rouge-score', 'pycocoevalcap', 'seqeval')}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'texts.json'), 'w') as file:
    json.dump({'made': versions, 'command': 'python test/golden/texts.py', 'cases': cases, 'entities': entities}, file, separators=(',', ':'))
