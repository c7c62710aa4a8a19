"""TransRate: coding rate that is saved by knowing the classes."""

from numbers import Real

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data import feature_rows


def transrate(features, labels, eps=1e-4):
    """Difference of the coding rates of all features and of the classes.

    Formula, with Z the centred features (n, d) and Z_c the n_c rows of class
    c of it, in nats:

        R(Z) = 1/2 log det(I + Z' Z / (n * eps))
        TransRate = R(Z) - sum_c n_c / n * R(Z_c)

    An estimate of the mutual information of features and labels. A rotation
    of the features does not change it. It grows with their scale: where
    candidates differ in it, divide each one's features by their root mean
    square first.

    Bad at: few rows in a wide space, where every class fills dimensions of
    its own and the value is high for any labels; and two classes that lie
    opposite each other, which look alike, since Z_c is not centred anew.

    Note: the listing in the paper divides the sum over classes by their
    number; for classes of equal size that is the same.

    Args:
        features: Array `(rows, width)`.
        labels: Integers or strings `(rows,)`.
        eps: Distortion that coding is allowed, a positive number.

    Returns:
        A float; higher is better.

    Raises:
        ValueError: If shapes disagree or a value is not finite.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import transferability
    >>> features = np.repeat(np.eye(3), 2, axis=0)
    >>> round(transferability.transrate(features, [0, 0, 1, 1, 2, 2]), 4)
    3.7095

    Reference:

    - [Huang et al., 2022, Frustratingly Easy Transferability Estimation,
      section 3](https://arxiv.org/abs/2106.09362)
    """
    if not isinstance(eps, Real) or not eps > 0:
        raise invalid_argument("eps", eps, "a positive number")
    features = feature_rows.feature_rows(features)
    numbers, counts = feature_rows.class_numbers(labels, len(features))
    centred = features - features.mean(axis=0)
    within = sum(
        count / len(centred) * _coding_rate(centred[numbers == number], eps)
        for number, count in enumerate(counts)
    )
    return float(_coding_rate(centred, eps) - within)


def _coding_rate(features, eps):
    rows, width = features.shape
    # Both Gram matrices have the same determinant; the smaller is cheaper.
    gram = features @ features.T if rows <= width else features.T @ features
    gram /= rows * eps
    gram[np.diag_indices_from(gram)] += 1.0
    return 0.5 * np.linalg.slogdet(gram)[1]
