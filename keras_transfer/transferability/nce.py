"""NCE: what source classes leave open about the target labels."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data import feature_rows
from keras_transfer.data.checks import checked_labels


def nce(source_probabilities_or_labels, labels):
    """Negative conditional entropy of the labels, given source classes.

    Formula, with z_i the source class of target row i, in nats:

        P(y, z) = mean_i [y_i = y][z_i = z]
        NCE = -H(Y | Z) = sum_yz P(y, z) * log(P(y, z) / P(z))

    Between -H(Y), where the source class says nothing, and 0, where it says
    all. LEEP is the same with soft source classes; for probabilities of 0
    and 1 the two are equal.

    Bad at: the same as `leep`, and it cannot tell a narrow decision of the
    source classifier from a sure one.

    Args:
        source_probabilities_or_labels: Scores `(rows, num_source_classes)`,
            whose largest one counts; or the source classes themselves,
            integers or strings `(rows,)`.
        labels: Integers or strings `(rows,)`.

    Returns:
        A float; higher is better.

    Raises:
        ValueError: If the two have other numbers of rows.

    Example:

    >>> from keras_transfer import transferability
    >>> round(transferability.nce([0, 0, 1, 1], ["a", "b", "c", "c"]), 4)
    -0.3466

    Reference:

    - [Tran et al., 2019, Transferability and Hardness of Supervised
      Classification Tasks, section 4](https://arxiv.org/abs/1908.08142)
    """
    source = _source_classes(source_probabilities_or_labels)
    numbers, counts = feature_rows.class_numbers(labels, len(source))
    table = np.zeros((len(counts), source.max() + 1))
    np.add.at(table, (numbers, source), 1.0 / len(source))
    marginal = np.broadcast_to(table.sum(axis=0), table.shape)
    seen = table > 0
    return float((table[seen] * np.log(table[seen] / marginal[seen])).sum())


def _source_classes(given):
    name = "source_probabilities_or_labels"
    shape = np.shape(given)
    if len(shape) == 1 and shape[0]:
        return np.unique(checked_labels(given), return_inverse=True)[1]
    if len(shape) != 2:
        raise invalid_argument(
            name,
            f"shape {shape}",
            "scores (rows, num_source_classes) or source classes (rows,)",
        )
    return feature_rows.feature_rows(given, name, least_rows=1).argmax(axis=1)
