"""A linear classifier of domains, judged on rows that it has not seen."""

import numpy as np

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer.data.feature_rows import check_widths

_NORMAL_95 = 1.959963984540054


def check_settings(folds, regularization, max_rows, seed):
    """Raises `ValueError` for settings that no classifier can be made of."""
    checked_integer("folds", folds, least=2)
    if not regularization > 0:
        raise invalid_argument(
            "regularization", regularization, "a positive number"
        )
    if max_rows is not None:
        checked_integer("max_rows", max_rows, least=folds)
    checked_integer("seed", seed)


def check_rows(source, target, folds):
    """Raises `ValueError` if two domains cannot be compared."""
    check_widths(source, target)
    for name, rows in (("source", source), ("target", target)):
        count = rows.shape[0]
        if count < folds:
            raise ValueError(
                f"The {name} has {count} rows. Expected {folds} or more, "
                "one for each fold."
            )


def sample(rows, size, generator):
    """At most `size` row numbers, drawn without replacement and sorted."""
    if size is None or rows <= size:
        return np.arange(rows)
    return np.sort(generator.choice(rows, size, replace=False))


def linear_classifier(regularization=1.0, degree=1, centered=True):
    """Logistic regression on standardised features.

    Args:
        regularization: Weight of half the squared norm of the coefficients,
            against the summed log loss.
        degree: 2 for squares and products of the columns beside them.
        centered: `False` for sparse features, which stay sparse.

    Returns:
        A scikit-learn estimator.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures
    from sklearn.preprocessing import StandardScaler

    steps = [StandardScaler(with_mean=centered)]
    if degree > 1:
        # Squares of what is standardised, standardised again.
        steps += [
            PolynomialFeatures(degree, include_bias=False),
            StandardScaler(),
        ]
    return make_pipeline(
        *steps, LogisticRegression(C=1.0 / regularization, max_iter=2000)
    )


def held_out(classifier, features, labels, folds, seed, method="predict"):
    """What is said of each row by a classifier that was fitted without it.

    Args:
        classifier: A scikit-learn estimator; it is copied.
        features: Float array `(rows, width)`.
        labels: Labels `(rows,)`; each class has its share in each fold.
        folds: Number of folds.
        seed: Decides the folds.
        method: `"predict"` or `"predict_proba"`.

    Returns:
        Predicted labels `(rows,)`, or probabilities `(rows, num_classes)`.
    """
    from sklearn.model_selection import PredefinedSplit
    from sklearn.model_selection import cross_val_predict

    # Not StratifiedKFold, which warns of classes with fewer rows than folds.
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    parts = np.empty(len(labels), int)
    parts[order] = np.arange(len(labels)) % folds
    return cross_val_predict(
        classifier, features, labels, cv=PredefinedSplit(parts), method=method
    )


def error_interval(errors, rows):
    """Wilson's 95 % interval of an error rate.

    Formula, with p = errors / n and z = 1.96:

        (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Args:
        errors: Number of wrong rows.
        rows: Number of rows.

    Returns:
        Pair of floats between 0 and 1.
    """
    rate, z = errors / rows, _NORMAL_95
    scale = 1.0 + z**2 / rows
    middle = (rate + z**2 / (2 * rows)) / scale
    spread = rate * (1 - rate) / rows + z**2 / (4 * rows**2)
    half = z * np.sqrt(spread) / scale
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
