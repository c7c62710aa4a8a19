"""The mean of each class, and how near rows are to these means."""

import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import is_integer
from keras_transfer._public import unknown_name
from keras_transfer.ops.precision import at_least_float32

DISTANCES = ("euclidean", "cosine")
#: Logit of a class without rows. Softmax of it is exactly 0 beside any real
#: logit, and unlike minus infinity it gives no NaN when multiplied by 0.
ABSENT = -1e30
#: Least squared length that a vector is divided by.
_LEAST_SQUARE = 1e-12


def class_means(features, labels, num_classes):
    """Mean of the rows of each class, and how many rows it has.

    Formula, with S_k the rows labelled k:

        counts[k] = |S_k|,    means[k] = sum_{i in S_k} x_i / max(1, |S_k|)

    Leading axes, such as one of tasks, broadcast: each task has its own means.

    Args:
        features: Tensor of shape `(..., rows, d)`.
        labels: Integer tensor of shape `(..., rows)`. Rows with a label
            outside `0 .. num_classes - 1` do not count, whatever they hold;
            -1 marks the rows that pad a task.
        num_classes: Python integer.

    Returns:
        Tuple `(means, counts)`: a tensor of shape `(..., num_classes, d)`,
        float32 or wider, and an int32 tensor of shape `(..., num_classes)`.
        A class without rows has mean 0 and count 0.

    Raises:
        ValueError: If the labels are no integers, or do not fit the features.

    Example:

    >>> from keras_transfer import ops
    >>> x = [[1.0, 3.0], [3.0, 3.0], [9.0, 9.0]]
    >>> means, counts = ops.class_means(x, [0, 0, -1], num_classes=2)
    >>> means.numpy().tolist(), counts.numpy().tolist()
    ([[2.0, 3.0], [0.0, 0.0]], [2, 0])

    Reference:

    - [Snell et al., 2017, Prototypical Networks for Few-shot Learning,
      eq. 1](https://arxiv.org/abs/1703.05175)
    """
    features = at_least_float32(features)
    labels = ops.convert_to_tensor(labels)
    check_class_count("num_classes", num_classes)
    check_labels(features.shape, labels.shape, labels.dtype)
    # Small integers could not count up to the number of classes.
    labels = ops.cast(labels, keras.backend.result_type(labels.dtype, "int32"))
    classes = ops.arange(num_classes, dtype=labels.dtype)
    member = ops.equal(ops.expand_dims(labels, -2), classes[:, None])
    member = ops.cast(member, features.dtype)
    # Zero times NaN is NaN, and padding may hold anything.
    counted = ops.logical_and(labels >= 0, labels < num_classes)
    features = ops.where(ops.expand_dims(counted, -1), features, 0.0)
    counts = ops.sum(member, axis=-1)
    sums = ops.matmul(member, features)
    means = sums / ops.expand_dims(ops.maximum(counts, 1.0), -1)
    return means, ops.cast(counts, "int32")


def prototype_logits(queries, means, counts, distance, temperature):
    """How near each query is to each class, as logits.

    Formula:

        "euclidean":  logits[i, k] = -||q_i - c_k||^2 / temperature
        "cosine":     logits[i, k] = cos(q_i, c_k) / temperature

    and `ABSENT` where `counts[k]` is 0.

    Args:
        queries: Tensor of shape `(..., rows, d)`, float32 or wider.
        means: Tensor of shape `(..., classes, d)` of the same dtype.
        counts: Integer tensor of shape `(..., classes)`.
        distance: `"euclidean"` or `"cosine"`.
        temperature: Positive number or scalar tensor.

    Returns:
        Tensor of shape `(..., rows, classes)`.
    """
    present = counts > 0
    if distance == "cosine":
        nearness = ops.matmul(
            unit_vectors(queries), ops.swapaxes(unit_vectors(means), -1, -2)
        )
    else:
        nearness = -_squared_distances(queries, means, present)
    return ops.where(
        ops.expand_dims(present, -2), nearness / temperature, ABSENT
    )


def unit_vectors(x, axis=-1):
    """Vectors of length 1; those of (almost) no length become shorter."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    # The floor is inside the root, whose gradient at 0 would be infinite.
    return x * ops.rsqrt(ops.maximum(squares, _LEAST_SQUARE))


def check_class_count(name, value):
    """Raises unless `value` is a positive integer."""
    if not is_integer(value, least=1):
        raise invalid_argument(name, value, "a positive integer")


def check_nearness(distance, temperature):
    """Raises unless these say how near a row is to a prototype."""
    if distance not in DISTANCES:
        raise unknown_name("distance", distance, DISTANCES)
    is_number = isinstance(temperature, numbers.Real)
    if not is_number or not 0 < temperature < math.inf:
        raise invalid_argument("temperature", temperature, "a positive number")


def check_labels(features_shape, labels_shape, labels_dtype):
    """Raises unless labels of this kind can belong to such features."""
    if "int" not in keras.backend.standardize_dtype(labels_dtype):
        raise ValueError(
            "Labels of classes must be integers. Received dtype "
            f"{keras.backend.standardize_dtype(labels_dtype)}; give "
            'keras.Input(..., dtype="int32"), or astype("int32").'
        )
    rows = features_shape[-2] if len(features_shape) > 1 else None
    fit = len(features_shape) > 1 and len(labels_shape) > 0
    # One label for all rows would broadcast without a word.
    if (
        not fit
        or (None not in (rows, labels_shape[-1]))
        and (rows != labels_shape[-1])
    ):
        raise ValueError(
            "Features of shape (..., rows, width) need labels of shape "
            f"(..., rows). Received features of shape {tuple(features_shape)} "
            f"and labels of shape {tuple(labels_shape)}."
        )


def _squared_distances(queries, means, present):
    # As pairwise_squared_distances, with leading axes: a shift to the middle
    # of the means keeps the digits. Absent classes are 0 and add nothing.
    number = ops.sum(ops.cast(present, means.dtype), axis=-1)
    middle = ops.sum(means, axis=-2) / ops.maximum(number, 1.0)[..., None]
    middle = ops.stop_gradient(ops.expand_dims(middle, -2))
    queries = queries - middle
    means = means - middle
    squared = (
        ops.sum(ops.square(queries), axis=-1, keepdims=True)
        + ops.expand_dims(ops.sum(ops.square(means), axis=-1), -2)
        - 2.0 * ops.matmul(queries, ops.swapaxes(means, -1, -2))
    )
    return ops.maximum(squared, 0.0)
