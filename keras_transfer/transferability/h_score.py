"""H-score: how much of the spread of features lies between classes."""

import numpy as np

from keras_transfer.data import feature_rows
from keras_transfer.transferability import inputs
from keras_transfer.transferability.spectrum import spectrum


def h_score(features, labels):
    """Spread between the class means, in units of the whole spread.

    Formula, with cov over the rows (divided by their number) and pinv the
    pseudo-inverse:

        H = trace(pinv(cov(f)) cov(E[f | y]))

    Between 0 and the smaller of num_classes - 1 and the width. No invertible
    linear map of the features changes it.

    Bad at: fewer rows than a few times the width. With no more rows than
    columns it is num_classes - 1 whatever the labels are; take
    `regularized_h_score` there. Wide features score high by chance.

    Args:
        features: Array `(rows, width)`.
        labels: Integers or strings `(rows,)`.

    Returns:
        A float; higher is better.

    Raises:
        ValueError: If shapes disagree or a value is not finite.

    Example:

    >>> from keras_transfer import transferability
    >>> features = [[0.0, 1.0], [0.0, -1.0], [1.0, 1.0], [1.0, -1.0]]
    >>> round(transferability.h_score(features, [0, 0, 1, 1]), 4)
    1.0
    >>> round(transferability.h_score(features, [0, 1, 1, 0]), 4)
    0.0

    Reference:

    - [Bao et al., 2019, An Information-Theoretic Approach to Transferability
      in Task Transfer Learning, the definition of the H-score](https://arxiv.org/abs/2212.10082)
    """
    _, (_, projections), counts = _parts(features, labels)
    return float((projections**2 / counts).sum())


def regularized_h_score(features, labels):
    """H-score with a covariance that is shrunk towards a multiple of 1.

    Formula, with a the shrinkage of Ledoit and Wolf (as scikit-learn gives
    it) and d the width:

        C_a = (1 - a) cov(f) + a * trace(cov(f)) / d * I
        H_a = trace(C_a^-1 (1 - a) cov(E[f | y]))

    Never above `h_score`, and near it for many rows. A rotation of the
    features does not change it, nor does their scale.

    Bad at: features of very different scales (standardise them), and few
    rows with many classes, where class means are noise.

    Note: both covariances divide by the number of rows. Where one of them
    divides by one less, as in some code, the value is larger by n / (n - 1).

    Args:
        features: Array `(rows, width)`.
        labels: Integers or strings `(rows,)`.

    Returns:
        A float; higher is better.

    Raises:
        ValueError: If shapes disagree or a value is not finite.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import transferability
    >>> labels = np.arange(20) % 2
    >>> noise = np.random.default_rng(0).normal(size=(20, 50))
    >>> round(transferability.h_score(noise, labels), 4)
    1.0
    >>> transferability.regularized_h_score(noise, labels) < 0.5
    True

    Reference:

    - [Ibrahim et al., 2022, Newer is not always better: Rethinking
      transferability metrics, their peculiarities, stability and
      performance, section 3](https://arxiv.org/abs/2110.06893)
    """
    from sklearn.covariance import ledoit_wolf_shrinkage

    centred, (squares, projections), counts = _parts(features, labels)
    rows, width = centred.shape
    variances = squares / rows
    if not variances.size:  # constant features say nothing
        return 0.0
    share = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
    shrunk = (1 - share) * variances + share * variances.sum() / width
    between = variances[:, None] * projections**2 / counts
    return float(((1 - share) * between / shrunk[:, None]).sum())


def _parts(features, labels):
    """Centred features, their spectrum, and the rows of each class.

    Class means lie in the span of the centred features, whose left singular
    vectors u_i turn the trace into sum_ic (u_i' [y = c])^2 / n_c.
    """
    features = feature_rows.feature_rows(features)
    numbers, counts = feature_rows.class_numbers(labels, len(features))
    # Twice: what the first subtraction rounds off would count as a feature.
    centred = features - features.mean(axis=0)
    centred -= centred.mean(axis=0)
    columns = inputs.indicators(numbers, len(counts))
    return centred, spectrum(centred, columns), np.asarray(counts)
