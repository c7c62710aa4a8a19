"""Two domains whose densities are known."""

import numpy as np


def gaussian_shift(seed=0, rows=1000, columns=1):
    """N(0, I) as the source; the target is narrower and its mean elsewhere.

    Returns:
        Source and target `(rows, columns)`, and the ratio of their densities
        at the source rows `(rows,)`.
    """
    generator = np.random.default_rng(seed)
    source = generator.normal(size=(rows, columns))
    middle, deviation = 1.0 / np.sqrt(columns), 0.7
    target = middle + deviation * generator.normal(size=(rows, columns))
    logs = 0.5 * source**2 - 0.5 * ((source - middle) / deviation) ** 2
    ratio = np.exp(logs.sum(axis=1)) / deviation**columns
    return source, target, ratio


def correlation(weights, truth):
    """Of estimated weights with true ones."""
    return float(np.corrcoef(weights, truth)[0, 1])


def assert_are_weights(weights, rows):
    """Checks what every function promises."""
    assert weights.dtype == "float32"
    assert weights.shape == (rows,)
    assert np.isfinite(weights).all() and weights.min() >= 0
    np.testing.assert_allclose(weights.mean(dtype="float64"), 1.0, rtol=1e-6)


def label_shift(seed=0, rows=2000, wanted=(0.1, 0.2, 0.7)):
    """Three Gaussian classes, of equal shares in the source alone.

    Returns:
        Labels of the source `(rows,)`, exact probabilities for equal shares
        of source and target rows `(rows, 3)`, and the target's labels.
    """
    generator = np.random.default_rng(seed)
    middles = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])

    def draw(shares):
        labels = generator.choice(3, rows, p=shares)
        x = middles[labels] + generator.normal(size=(rows, 2))
        logs = -0.5 * ((x[:, None] - middles) ** 2).sum(axis=-1)
        found = np.exp(logs)
        return labels, found / found.sum(axis=1, keepdims=True)

    source_labels, source = draw([1 / 3] * 3)
    target_labels, target = draw(wanted)
    return source_labels, source, target, target_labels
