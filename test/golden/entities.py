"""Figures of tagged words by seqeval: by default for BIO, in its mode strict with scheme IOBES for BIOES.

    python3 test/golden/entities.py

Intervals of the F1 of each kind: percentiles of 20,000 resamples of the sentences, by numpy, of counts by seqeval.

writes entities.json beside this file.
"""
import importlib.metadata, json, os
import numpy as np
from seqeval.metrics import accuracy_score, classification_report
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOBES, Entities

rng = np.random.default_rng(20261124)
KINDS = ['LOC', 'ORG', 'PER']


def sentence(bioes):
    tags = []
    while len(tags) < rng.integers(1, 14):
        n = int(rng.integers(1, 4))
        kind = KINDS[rng.integers(3)]
        if rng.random() < .5: tags += ['O'] * n
        elif bioes: tags += [f'S-{kind}'] if n == 1 else [f'B-{kind}'] + [f'I-{kind}'] * (n - 2) + [f'E-{kind}']
        else: tags += [f'B-{kind}'] + [f'I-{kind}'] * (n - 1)
    return tags


def entities_of(tags, bioes):
    if bioes: return {(e.tag, e.start, e.end) for e in Entities([tags], IOBES).entities[0]}
    return set(get_entities(tags))


def intervals(truth, predicted, bioes, kinds):
    """95 % and 90 % percentile intervals; a resample without the kind, there or found, has no F1."""
    draws = np.random.default_rng(7)
    there = [entities_of(tags, bioes) for tags in truth]
    found = [entities_of(tags, bioes) for tags in predicted]
    samples = draws.integers(0, len(truth), (20000, len(truth)))
    ends = {}
    for kind in kinds:
        of = lambda entities: np.array([sum(e[0] == kind for e in own) for own in entities])
        right = of([a & b for a, b in zip(there, found)])[samples].sum(1)
        both = (of(there) + of(found))[samples].sum(1)
        f1 = 2 * right[both > 0] / both[both > 0]
        ends[kind] = {'undefined': float((both == 0).mean()), '95': np.percentile(f1, [2.5, 97.5]).tolist(), '90': np.percentile(f1, [5, 95]).tolist()}
    return ends


def case(name, bioes, records, noise):
    places = 'BIES' if bioes else 'BI'
    names = ['O'] + [f'{p}-{k}' for k in KINDS for p in places]
    truth = [sentence(bioes) for _ in range(records)]
    codes = [names.index(t) for tags in truth for t in tags]
    logits = rng.normal(0, 1, (len(codes), len(names))) * noise
    logits[np.arange(len(codes)), codes] += 2
    logits = logits.astype(np.float32)
    # Cut off: the model does not see them, and they count as O.
    seen = [w < 9 for tags in truth for w in range(len(tags))]
    guess = [names[int(l.argmax())] if s else 'O' for l, s in zip(logits, seen)]
    ends = np.cumsum([0] + [len(t) for t in truth])
    predicted = [guess[a:b] for a, b in zip(ends, ends[1:])]
    options = dict(mode='strict', scheme=IOBES) if bioes else {}
    report = classification_report(truth, predicted, output_dict=True, zero_division=0, **options)
    l64 = logits.astype(float)
    losses = np.log(np.exp(l64 - l64.max(1, keepdims=True)).sum(1)) + l64.max(1) - l64[np.arange(len(codes)), codes]
    kinds = {k: {'precision': float(report[k]['precision']), 'recall': float(report[k]['recall']), 'f1': float(report[k]['f1-score']), 'entities': int(report[k]['support'])} for k in KINDS if k in report}
    return {'name': name, 'labelNames': names, 'offsets': ends.tolist(), 'codes': codes, 'outputs': [float(f'{v:.9g}') for v in logits.flatten()],
            'positions': [w + 1 if w < 9 else -1 for tags in truth for w in range(len(tags))],
            'figures': {'f1': float(report['micro avg']['f1-score']), 'precision': float(report['micro avg']['precision']), 'recall': float(report['micro avg']['recall']),
                        'macroF1': float(report['macro avg']['f1-score']), 'tokenAccuracy': float(accuracy_score(truth, predicted)), 'loss': float(losses[np.array(seen)].mean())},
            'kinds': kinds, 'intervals': intervals(truth, predicted, bioes, kinds)}


out = {'tool': 'seqeval, numpy', 'version': f"{importlib.metadata.version('seqeval')}, {np.__version__}", 'command': 'python test/golden/entities.py',
       'cases': [case('BIO, mostly right', False, 30, .8), case('BIO, mostly wrong', False, 20, 3), case('BIOES, mostly right', True, 30, .8), case('BIOES, mostly wrong', True, 20, 3)]}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'entities.json'), 'w') as file:
    json.dump(out, file, separators=(',', ':'))
