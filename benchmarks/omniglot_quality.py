"""How good features of handwriting are: few-shot figures on two data sets.

Used by `omniglot_backbone.py`; every figure stands beside that of raw pixels.
"""

import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SETTINGS = ((5, 1), (5, 5), (20, 1), (20, 5))
QUERIES = 15
KINDS = ("ink", "grey")


def features(backbone, images):
    """Features `(rows, width)` of uint8 images `(rows, 28, 28)`."""
    outputs = [
        np.asarray(backbone(images[k : k + 500, ..., None] / np.float32(255)))
        for k in range(0, len(images), 500)
    ]
    return np.concatenate(outputs)


def pixels(images):
    return images.reshape(len(images), -1) / np.float32(255)


def unit_length(rows):
    """Rows divided by their lengths; a row of zeros stays."""
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)


def episodes(backbone, images, num_episodes, seed=0):
    """Accuracy of the nearest centroid, in per cent, with 95 % interval.

    Args:
        backbone: A model from images to features.
        images: uint8, `(classes, drawings, 28, 28, 2)`, ink and grey.
        num_episodes: For each number of ways and shots.
        seed: Of the episodes, which are the same for all figures.

    Returns:
        `{"backbone" or "pixels": {"ink" or "grey": {"5-way 1-shot": {"cosine"
        or "euclidean": (mean, half of the interval)}}}}`.
    """
    result = {"backbone": {}, "pixels": {}}
    for index, kind in enumerate(KINDS):
        flat = images[..., index].reshape(-1, 28, 28)
        for name, rows in (
            ("backbone", features(backbone, flat)),
            ("pixels", pixels(flat)),
        ):
            rows = rows.reshape(*images.shape[:2], -1)
            result[name][kind] = {
                f"{ways}-way {shots}-shot": {
                    metric: _mean_and_interval(
                        metric, rows, ways, shots, num_episodes, seed
                    )
                    for metric in ("cosine", "euclidean")
                }
                for ways, shots in SETTINGS
            }
    return result


def _mean_and_interval(metric, rows, ways, shots, num_episodes, seed):
    generator = np.random.default_rng([seed, ways, shots])
    if metric == "cosine":
        rows = unit_length(rows)
    right = []
    for _ in range(num_episodes):
        classes = generator.permutation(len(rows))[:ways]
        order = np.argsort(generator.random((ways, rows.shape[1])), axis=1)
        drawn = rows[classes[:, None], order[:, : shots + QUERIES]]
        centroids = drawn[:, :shots].mean(axis=1)
        queries = drawn[:, shots:].reshape(ways * QUERIES, -1)
        guess = nearest(metric, queries, centroids)
        right.append(
            100 * np.mean(guess == np.repeat(np.arange(ways), QUERIES))
        )
    interval = 1.96 * np.std(right, ddof=1) / np.sqrt(num_episodes)
    return round(float(np.mean(right)), 2), round(float(interval), 2)


def nearest(metric, queries, centroids):
    """Index of the nearest centroid; for cosine, queries have unit length."""
    if metric == "cosine":
        return np.argmax(queries @ unit_length(centroids).T, axis=1)
    # The square of the query is the same for all centroids.
    squares = np.sum(centroids**2, axis=1)
    return np.argmin(squares - 2 * queries @ centroids.T, axis=1)


def mnist(backbone, folder, per_class=10, draws=10, num_test=2000):
    """Accuracy with ten labelled digits per class, in per cent.

    Labelled rows come from `x_train`; the first rows of `x_test` are the test.
    The linear head is scikit-learn's logistic regression on standardised
    features, with its default settings.

    Returns:
        `{"backbone" or "pixels": {"nearest_centroid" or "linear_head":
        (mean, standard deviation over the draws)}}`.
    """
    with np.load(pathlib.Path(folder) / "digits_mnist.npz") as file:
        x, y, x_test, y_test = (
            file[name] for name in ("x_train", "y_train", "x_test", "y_test")
        )
    x_test, y_test = x_test[:num_test], y_test[:num_test]
    result = {}
    for name, extract in (
        ("backbone", lambda images: features(backbone, images)),
        ("pixels", pixels),
    ):
        test = extract(x_test)
        right = {"nearest_centroid": [], "linear_head": []}
        for draw in range(draws):
            generator = np.random.default_rng(draw)
            chosen = np.concatenate(
                [
                    generator.permutation(np.flatnonzero(y == digit))[
                        :per_class
                    ]
                    for digit in range(10)
                ]
            )
            rows, labels = extract(x[chosen]), y[chosen]
            centroids = unit_length(rows).reshape(10, per_class, -1).mean(1)
            guess = nearest("cosine", unit_length(test), centroids)
            right["nearest_centroid"].append(100 * np.mean(guess == y_test))
            head = make_pipeline(
                StandardScaler(), LogisticRegression(max_iter=2000)
            )
            guess = head.fit(rows, labels).predict(test)
            right["linear_head"].append(100 * np.mean(guess == y_test))
        result[name] = {
            key: (
                round(float(np.mean(values)), 2),
                round(float(np.std(values, ddof=1)), 2),
            )
            for key, values in right.items()
        }
    return result
