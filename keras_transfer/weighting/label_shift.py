"""How often the classes occur in the target, and what follows from it."""

import dataclasses

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.checks import checked_labels
from keras_transfer.data.feature_rows import distributions
from keras_transfer.weighting import inputs


@dataclasses.dataclass(frozen=True)
class LabelShift:
    """Result of `label_shift_bbse` and `label_shift_em`.

    It assumes that only the shares of the classes differ: within a class,
    source and target rows are alike.

    Args:
        class_weights: Float64 array `(num_classes,)`: share of a class in the
            target over that in the source, 0 for a class without source rows.
        source_shares: Shares of the classes in the source, sum 1.
        target_shares: Estimated shares in the target, sum 1.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import weighting
    >>> shift = weighting.LabelShift(
    ...     np.array([0.5, 1.5]), np.array([0.5, 0.5]), np.array([0.25, 0.75])
    ... )
    >>> shift.sample_weights([0, 0, 1, 1])
    array([0.5, 0.5, 1.5, 1.5], dtype=float32)
    >>> shift.adjusted([[0.5, 0.5]])
    array([[0.25, 0.75]], dtype=float32)
    """

    class_weights: np.ndarray
    source_shares: np.ndarray
    target_shares: np.ndarray

    def sample_weights(self, labels):
        """Weights of source rows by their classes.

        Args:
            labels: Class numbers `(n,)`.

        Returns:
            Float32 array `(n,)`, mean 1, for `fit(sample_weight=)`.

        Raises:
            ValueError: If a label is no number of a class.
        """
        numbers = class_numbers_of(labels, len(self.class_weights), "labels")
        return inputs.unit_mean(self.class_weights[numbers])

    def adjusted(self, probabilities):
        """Probabilities of a source classifier, for the target's shares.

        Formula:

            p'(y | x) = w_y p(y | x) / sum_z w_z p(z | x)

        It takes the place of a training with weights where the classifier is
        calibrated.

        Args:
            probabilities: Array `(rows, num_classes)`.

        Returns:
            Float32 array `(rows, num_classes)`.

        Raises:
            ValueError: If they are no probabilities of these classes.

        Reference:

        - [Saerens et al., 2002, Adjusting the Outputs of a Classifier to New
          a Priori Probabilities, eq. 2.4](
          https://doi.org/10.1162/089976602753284446)
        """
        rows = probability_rows(probabilities, "probabilities")
        if rows.shape[1] != len(self.class_weights):
            raise invalid_argument(
                "probabilities",
                rows.shape,
                f"one column for each of {len(self.class_weights)} classes",
            )
        found = rows * self.class_weights
        sums = found.sum(axis=1, keepdims=True)
        # A row for which only absent classes are likely stays as it is.
        found = np.where(sums > 0, found / np.where(sums > 0, sums, 1.0), rows)
        return found.astype("float32")

    def to_dict(self):
        """The fields as a dict for JSON."""
        return {
            name: [float(value) for value in values]
            for name, values in dataclasses.asdict(self).items()
        }


def shift_to(source_shares, target_shares):
    """The `LabelShift` between two sets of shares."""
    occurs = source_shares > 0
    weights = np.zeros(len(source_shares))
    weights[occurs] = target_shares[occurs] / source_shares[occurs]
    return LabelShift(weights, source_shares, target_shares)


def probability_rows(probabilities, name):
    """Rows that sum to 1, float64 `(rows, num_classes)`.

    Raises:
        ValueError: If they do not.
    """
    rows = np.asarray(probabilities)
    if rows.ndim != 2 or rows.shape[1] < 2 or not len(rows):
        raise invalid_argument(
            name,
            f"{rows.dtype.name} of shape {rows.shape}",
            "probabilities of shape (rows, num_classes)",
            "For one output column p pass np.stack([1 - p, p], axis=1).",
        )
    return distributions(rows, name)


def class_numbers_of(labels, num_classes, name):
    """Labels as class numbers below `num_classes`, int64 `(rows,)`.

    Raises:
        ValueError: If one is not.
    """
    labels = checked_labels(labels)
    is_number = labels.dtype.kind in "iu"
    if not is_number or labels.min() < 0 or labels.max() >= num_classes:
        raise invalid_argument(
            name,
            np.unique(labels)[:10].tolist(),
            f"class numbers from 0 to {num_classes - 1}",
            "They are the columns of the probabilities.",
        )
    return labels.astype("int64")
