"""MAUVE by its authors' package: of histograms, and of features over many seeds; principal components by scikit-learn.

    pip install mauve-text faiss-cpu scikit-learn && python test/golden/likeness.py

writes likeness.json beside this file. Features are whole numbers, so that both sides read the same.
"""
import importlib, importlib.metadata, json, pathlib
import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import auc
from sklearn.preprocessing import normalize

package = importlib.import_module('mauve.compute_mauve')

rng = np.random.default_rng(20261124)


def area(p, q):
    """As compute_mauve does with its histograms."""
    weights = np.linspace(1e-6, 1 - 1e-6, 25)
    x, y = package.get_divergence_curve_for_multinomials(p / p.sum(), q / q.sum(), weights, 5).T
    a, b = np.argsort(x, kind='stable'), np.argsort(y, kind='stable')
    return 0.5 * (auc(x[a], y[a]) + auc(y[b], x[b]))


def histogram(name, p, q):
    p, q = np.array(p, float), np.array(q, float)
    return {'name': name, 'p': p.tolist(), 'q': q.tolist(), 'area': area(p, q), 'smoothed': area(p + 0.5, q + 0.5)}


def random_case(bins, alike):
    base = rng.dirichlet(np.ones(bins))
    other = alike * base + (1 - alike) * rng.dirichlet(np.ones(bins))
    return rng.multinomial(10 * bins, base), rng.multinomial(10 * bins, other)


histograms = [
    histogram('alike', [3, 4, 5, 1], [4, 4, 4, 1]),
    histogram('nothing in common', [3, 4, 0, 0], [0, 0, 5, 1]),
    histogram('one holds the other', [3, 4, 5, 1], [0, 0, 5, 1]),
    histogram('of unequal sizes', [30, 10], [1, 2]),
    *[histogram(f'{bins} bins, {alike}', *random_case(bins, alike)) for bins, alike in [(5, 0.9), (20, 0.5), (50, 0.1), (100, 0.8)]],
]


def features(count, shift):
    """Eight groups of points around corners of a cube, some rarer by `shift`, in 6 dimensions of falling spread."""
    share = np.array([1, 1, 1, 1, 1 - shift, 1 - shift, 1 - shift, 1 - shift])
    corner = rng.choice(8, count, p=share / share.sum())
    corners = np.stack([(corner >> bit) & 1 for bit in range(3)], 1) * 200 - 100
    points = np.hstack([corners, np.zeros((count, 3))]) + rng.normal(size=(count, 6)) * [40, 40, 40, 20, 8, 4] + 30
    return np.round(points).astype(int)


def end_to_end(name, shift, n=300, seeds=30):
    p, q = features(n, 0), features(n, shift)
    found = [package.compute_mauve(p_features=p.astype(float), q_features=q.astype(float), seed=s, verbose=False) for s in range(seeds)]
    values, smoothed = [f.mauve for f in found], [f.mauve_star for f in found]
    data = normalize(np.vstack([p, q]).astype(float))
    pca = PCA().fit(data)
    kept = int(np.argmax(np.cumsum(pca.explained_variance_ratio_) >= 0.9)) + 1
    return {'name': name, 'p': p.ravel().tolist(), 'q': q.ravel().tolist(), 'width': 6, 'clusters': found[0].num_buckets,
            'mauve': {'mean': float(np.mean(values)), 'deviation': float(np.std(values, ddof=1))},
            'smoothed': {'mean': float(np.mean(smoothed)), 'deviation': float(np.std(smoothed, ddof=1))},
            'kept': kept, 'components': np.abs(pca.transform(data)[:20, :kept]).tolist()}


versions = {name: importlib.metadata.version(name) for name in ('mauve-text', 'faiss-cpu', 'scikit-learn', 'numpy')}
pathlib.Path(__file__).with_suffix('.json').write_text(json.dumps({
    'tool': versions, 'command': 'python test/golden/likeness.py', 'histograms': histograms,
    'features': [end_to_end('alike', 0.0), end_to_end('half of the groups rarer', 0.7), end_to_end('half of the groups missing', 0.98)],
}))
