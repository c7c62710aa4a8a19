"""Density ratios from a classifier of domains."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.weighting import domain_classifier
from keras_transfer.weighting import inputs

#: Bounds of a probability, so that no row has an infinite weight.
_LEAST = 1e-6
#: Columns up to which squares and products are added by default,
_FEW_COLUMNS = 8
#: and the rows of either domain that must come on each of them.
_ROWS_EACH = 10
_CALIBRATIONS = ("sigmoid", "isotonic")


def discriminative(
    source,
    target,
    *,
    classifier=None,
    degree=None,
    regularization=0.1,
    folds=5,
    calibration=None,
    features_of=None,
    batch_size=32,
    seed=0,
):
    """Ratio of the densities, from a classifier that tells the domains apart.

    Formula, with p(t | x) from a classifier that was fitted without row x,
    and n and m the numbers of rows:

        w(x) = n / m * p(t | x) / (1 - p(t | x)),  divided by the mean of w

    The default classifier is a logistic regression on standardised columns;
    with few columns and many rows on their squares and products too, without
    which it cannot say that one domain is narrower than the other.

    Bad at: domains that are told apart without error, where the weights are
    those of the regularisation; and classifiers whose probabilities are no
    frequencies, such as large trees: calibrate them.

    Args:
        source: Array `(n, ...)`, flattened after the first axis; a SciPy
            sparse matrix `(n, d)`; or whatever `features_of` takes.
        target: The same for the target, `(m, ...)`.
        classifier: A scikit-learn classifier with `predict_proba`, copied for
            each fold; `None` for the logistic regression.
        degree: 1 for the columns alone, 2 with squares and products; by
            default 2 for at most 8 dense columns, if each domain has ten
            rows or more for each term. Of the default classifier.
        regularization: Weight of half the squared norm of its coefficients,
            against the summed log loss.
        folds: Parts of the rows, each judged by a fit without it.
        calibration: `"sigmoid"`, `"isotonic"` or `None`: how probabilities
            are corrected, on further held-out rows.
        features_of: A Keras model or layer whose outputs stand for the rows.
        batch_size: Rows that it is given at a time.
        seed: Decides the folds.

    Returns:
        Float32 array `(n,)`, positive with mean 1, for `fit(sample_weight=)`.

    Raises:
        ValueError: If rows are bad, or fewer than folds, or a setting is
            unknown.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> source = np.linspace(0, 1, 101)[:, None]
    >>> weights = weighting.discriminative(source, source[50:])
    >>> bool(weights[75] > 3 * weights[25])
    True

    Reference:

    - [Bickel et al., 2007, Discriminative Learning for Differing Training
      and Test Distributions, section 3](https://doi.org/10.1145/1273496.1273507)
    - [Sugiyama et al., 2012, Density Ratio Estimation in Machine Learning,
      section 4.2](https://doi.org/10.1017/CBO9781139035613)
    """
    domain_classifier.check_settings(folds, regularization, None, seed)
    source, target = inputs.domain_rows(
        source, target, features_of, batch_size, sparse=True
    )
    domain_classifier.check_rows(source, target, folds)
    if classifier is None:
        classifier = _default(source, target, degree, regularization)
    elif degree is not None:
        raise ValueError(
            "`degree` belongs to the default classifier. Expected one of "
            "`classifier` and `degree`, not both."
        )
    if calibration is not None:
        classifier = _calibrated(classifier, calibration)
    both, domains = _both(source, target)
    found = domain_classifier.held_out(
        classifier, both, domains, folds, seed, method="predict_proba"
    )
    is_target = np.clip(found[: source.shape[0], 1], _LEAST, 1 - _LEAST)
    return inputs.unit_mean(is_target / (1 - is_target))


def _both(source, target):
    domains = np.repeat([0, 1], [source.shape[0], target.shape[0]])
    if inputs.is_sparse(source):
        from scipy.sparse import vstack

        return vstack([source, target], format="csr"), domains
    return np.concatenate([source, target]), domains


def _default(source, target, degree, regularization):
    sparse = inputs.is_sparse(source)
    if degree is None:
        degree = 2 if _allow_squares(source, target) else 1
    if degree not in (1, 2):
        raise invalid_argument("degree", degree, "1, 2 or None")
    if sparse and degree == 2:
        raise invalid_argument(
            "degree", degree, "1 for a sparse matrix", "Call .toarray() first."
        )
    return domain_classifier.linear_classifier(
        regularization, degree=degree, centered=not sparse
    )


def _allow_squares(source, target):
    columns = source.shape[1]
    if columns > _FEW_COLUMNS or inputs.is_sparse(source):
        return False
    terms = columns * (columns + 3) // 2
    return min(len(source), len(target)) >= _ROWS_EACH * terms


def _calibrated(classifier, calibration):
    from sklearn.calibration import CalibratedClassifierCV

    if calibration not in _CALIBRATIONS:
        raise unknown_name("calibration", calibration, _CALIBRATIONS)
    return CalibratedClassifierCV(classifier, method=calibration, cv=3)
