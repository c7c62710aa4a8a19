"""LEEP: how well source classes predict the target labels."""

import numpy as np

from keras_transfer.data import feature_rows
from keras_transfer.transferability import inputs


def leep(source_probabilities, labels):
    """Log expected empirical prediction of a source classifier.

    Formula, with theta_i the source classes' probabilities for target row i,
    in nats:

        P(y, z) = mean_i [y_i = y] * theta_i(z)
        P(y | z) = P(y, z) / sum_y P(y, z)
        LEEP = mean_i log sum_z P(y_i | z) * theta_i(z)

    Never positive; 0 if the source classes tell the labels for certain. A
    source class that no row has any probability of is left out.

    Bad at: sources whose classes have nothing to do with the target's, since
    it looks at the head and not at the features below it; and few rows for
    many source classes, where it is too high, because P comes from the same
    rows. Compare candidates on the same rows.

    Args:
        source_probabilities: Array `(rows, num_source_classes)`: what the
            pretrained classifier says of the target's rows. Rows sum to 1.
        labels: Integers or strings `(rows,)`.

    Returns:
        A float; higher is better.

    Raises:
        ValueError: If rows are no distributions, or there is but one label.

    Example:

    >>> from keras_transfer import transferability
    >>> theta = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    >>> round(transferability.leep(theta, ["cat", "cat", "dog"]), 4)
    -0.3853

    Reference:

    - [Nguyen et al., 2020, LEEP: A New Measure to Evaluate Transferability
      of Learned Representations, eq. 1-2](https://arxiv.org/abs/2002.12462)
    """
    theta = feature_rows.distributions(source_probabilities)
    numbers, counts = feature_rows.class_numbers(labels, len(theta))
    joint = inputs.indicators(numbers, len(counts)).T @ theta
    mass = joint.sum(axis=0)
    # An empty column is 0 / 0; its probability is 0 in every row.
    conditional = joint / np.where(mass > 0, mass, 1.0)
    expected = (conditional[numbers] * theta).sum(axis=1)
    return float(np.log(expected).mean())
