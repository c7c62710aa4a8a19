"""Which class is taken for which."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.explain.predictions import check_range
from keras_transfer.transferability.inputs import predicted_classes
from keras_transfer.transferability.inputs import true_classes


def confusion_matrix(labels, probabilities, num_classes=None):
    """Counts rows by true and by predicted class, as scikit-learn does.

    Formula:

        matrix[i, j] = #{rows with label i of which class j is predicted}

    The prediction is the class of the largest probability; of one column, the
    second class if it is above 1/2.

    Bad at: more than one label a row.

    Args:
        labels: True classes, integers `(rows,)`.
        probabilities: Probabilities or other scores `(rows, num_classes)`;
            or probabilities of the second of two classes, floats `(rows,)` or
            `(rows, 1)`; or predicted classes, integers `(rows,)`.
        num_classes: Number of classes; by default that of the columns, or of
            the largest number that occurs.

    Returns:
        An int64 array `(num_classes, num_classes)`.

    Raises:
        ValueError: If labels and predictions do not fit each other.

    Example:

    >>> from keras_transfer import explain
    >>> scores = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]
    >>> explain.confusion_matrix([0, 0, 1], scores).tolist()
    [[1, 1], [0, 1]]

    Reference:

    - [scikit-learn, metrics.confusion_matrix](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.confusion_matrix.html)
    """
    from sklearn import metrics

    scores = np.asarray(probabilities)
    if scores.dtype.kind == "f" and scores.size == len(scores):
        scores = (scores.reshape(-1) > 0.5).astype("int64")
        least = 2
    else:
        least = scores.shape[1] if scores.ndim == 2 else 1
    predictions = predicted_classes(scores, "probabilities")
    labels = true_classes(labels, len(predictions), "labels")
    if num_classes is None:
        largest = max(labels.max(), predictions.max())
        num_classes = least if scores.ndim == 2 else max(least, largest + 1)
    check_range(labels, num_classes)
    if predictions.min() < 0 or predictions.max() >= num_classes:
        raise invalid_argument(
            "num_classes", num_classes, f"{predictions.max() + 1} or more"
        )
    return metrics.confusion_matrix(
        labels, predictions, labels=range(num_classes)
    )
