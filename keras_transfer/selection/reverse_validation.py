"""Reverse validation: back from the target to labels that are known."""

import numpy as np
import scipy.sparse

from keras_transfer._public import invalid_argument
from keras_transfer.data.checks import checked_labels


def reverse_validation(
    fit,
    source,
    source_labels,
    target,
    *,
    validation_fraction=0.1,
    repeats=1,
    seed=0,
):
    """Risk of a way to adapt, judged without labels of the target.

    Formula, with S' and T' the rows of source and target that are left after
    a share V of each is set aside:

        h = fit(S' with labels, T')
        r = fit(T' with the labels h(T'), S')
        risk = share of the rows of V of the source with r(x) != y

    If `h` labels the target well, what is learnt from its labels works on the
    source. Take the candidate of the smallest risk, and fit it once more to
    all rows.

    Bad at: small differences, as the risk of 200 rows has a standard error of
    2 to 3 points (raise `repeats`, which costs as many trainings more);
    models that map both domains to the wrong classes and back; and it doubles
    the cost of a candidate. Compare candidates with the same seed.

    Args:
        fit: Function `fit(rows, labels, other_rows)` that trains a model from
            labelled rows and unlabelled rows of the other domain, and returns
            a function of rows that gives their labels `(rows,)`. It must
            begin anew in each call and be free of the target's labels; a
            candidate is a `functools.partial` of it.
        source: Array or scipy.sparse matrix `(rows, ...)`.
        source_labels: Integers or strings `(rows,)`.
        target: Array or scipy.sparse matrix `(target_rows, ...)`.
        validation_fraction: Share of the rows that is set aside.
        repeats: Number of draws of these rows, over which the risk is
            averaged.
        seed: Decides the draws.

    Returns:
        A float from 0 to 1, smaller is better. Where `h` gives one class
        only, `r` is this class.

    Raises:
        ValueError: If rows and labels do not fit, a domain is too small, or
            `fit` does not return a function that gives labels.

    Example:

    >>> import functools
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from keras_transfer import selection
    >>> def fit(neighbours, rows, labels, other_rows):
    ...     return KNeighborsClassifier(neighbours).fit(rows, labels).predict
    >>> source = np.random.default_rng(0).normal(size=(200, 2))
    >>> labels = (source[:, 0] > 0).astype(int)
    >>> risks = {
    ...     k: selection.reverse_validation(
    ...         functools.partial(fit, k), source, labels, source + 0.3
    ...     )
    ...     for k in (5, 150)
    ... }
    >>> risks[5] < risks[150]
    True

    Reference:

    - [Ganin et al., 2016, Domain-Adversarial Training of Neural Networks,
      section 5.1.2](https://arxiv.org/abs/1505.07818)
    - [Zhong et al., 2010, Cross Validation Framework to Choose amongst Models
      and Datasets for Transfer Learning](
      https://doi.org/10.1007/978-3-642-15939-8_35), which has weights besides
    """
    _check_settings(fit, validation_fraction, repeats, seed)
    source, target = _rows(source), _rows(target)
    labels = checked_labels(source_labels)
    if len(labels) != source.shape[0]:
        raise ValueError(
            f"`source_labels` has {len(labels)} rows and `source` "
            f"{source.shape[0]}. Expected one label for each row."
        )
    generator = np.random.default_rng(seed)
    risks = []
    for _ in range(repeats):
        train, held_out = _draw(
            "source", source.shape[0], validation_fraction, generator
        )
        other, _ = _draw(
            "target", target.shape[0], validation_fraction, generator
        )
        found = _there_and_back(
            fit, source[train], labels[train], target[other], source[held_out]
        )
        risks.append(float((found != labels[held_out]).mean()))
    return float(np.mean(risks))


def _there_and_back(fit, source, labels, target, held_out):
    """Labels of held-out source rows, by way of the target."""
    guesses = _labels_of(fit(source, labels, target), target)
    if (guesses == guesses[0]).all():
        return np.full(held_out.shape[0], guesses[0])
    return _labels_of(fit(target, guesses, source), held_out)


def _labels_of(predict, rows):
    if not callable(predict):
        raise ValueError(
            "`fit` must return a function of rows that gives their labels, as "
            f"`model.fit(...).predict`. It returned: {predict!r}"
        )
    labels = np.asarray(predict(rows))
    if labels.shape != (rows.shape[0],) or labels.dtype.kind == "f":
        raise ValueError(
            "The function that `fit` returns must give one label a row. It "
            f"returned {labels.dtype.name} of shape {labels.shape} for "
            f"{rows.shape[0]} rows. For scores take scores.argmax(-1)."
        )
    return labels


def _rows(rows):
    return rows.tocsr() if scipy.sparse.issparse(rows) else np.asarray(rows)


def _draw(name, rows, fraction, generator):
    """Row numbers to train on, and those set aside."""
    aside = max(1, round(fraction * rows))
    if rows - aside < 1:
        raise ValueError(
            f"The {name} has {rows} rows, of which {aside} would be set aside. "
            "Expected more rows, or a smaller validation_fraction."
        )
    order = generator.permutation(rows)
    return np.sort(order[aside:]), np.sort(order[:aside])


def _check_settings(fit, validation_fraction, repeats, seed):
    if not callable(fit):
        raise invalid_argument(
            "fit", fit, "a function fit(rows, labels, other_rows)"
        )
    if not 0 < validation_fraction < 1:
        raise invalid_argument(
            "validation_fraction",
            validation_fraction,
            "a number above 0 and below 1",
        )
    for name, value, least in (("repeats", repeats, 1), ("seed", seed, 0)):
        if not isinstance(value, int | np.integer) or value < least:
            raise invalid_argument(name, value, f"an integer from {least}")
