"""Prototypical loss: cross-entropy over the distances to means of classes."""

import math

import keras
from keras import ops

from keras_transfer._public import public
from keras_transfer.ops.precision import at_least_float32
from keras_transfer.ops.prototypes import ABSENT
from keras_transfer.ops.prototypes import check_class_count
from keras_transfer.ops.prototypes import check_labels
from keras_transfer.ops.prototypes import check_nearness
from keras_transfer.ops.prototypes import class_means
from keras_transfer.ops.prototypes import prototype_logits


def prototypical(
    support,
    support_labels,
    query,
    query_labels,
    num_classes,
    distance="euclidean",
    temperature=1.0,
):
    """Mean negative log-likelihood of queries by the nearest class mean.

    Formula, with `c_k` the mean of the support of class k, over the queries
    `(x, y)` of all tasks whose label is not -1:

        loss = mean -log softmax_k(-||x - c_k||^2 / temperature)[y]

    or with `cos(x, c_k)` in place of `-||x - c_k||^2`. Classes without
    support have no part in the softmax. Leading axes, such as one of tasks,
    are allowed: each task has its own classes.

    Bad at: classes that fill several clusters. The cosine needs a temperature
    of about 0.1, since it lies between -1 and 1.

    Args:
        support: Features, shape `(..., support, d)`.
        support_labels: Integers `(..., support)`; rows with -1 are padding.
        query: Features, shape `(..., queries, d)`.
        query_labels: Integers `(..., queries)`; rows with -1 are padding.
        num_classes: Python integer, the largest number of classes of a task.
        distance: `"euclidean"` (squared) or `"cosine"`.
        temperature: Positive number that divides the logits.

    Returns:
        Scalar, float32 or wider. Zero where all queries are padding; NaN if a
        label is `num_classes` or more, or a query is of a class without
        support, as a graph cannot raise.

    Raises:
        ValueError: If an argument is invalid or labels do not fit features.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import losses
    >>> support, query = np.array([[0.0], [2.0]]), np.array([[1.0], [2.0]])
    >>> loss = losses.prototypical(support, [0, 1], query, [0, 1], 2)
    >>> round(loss.numpy().item(), 4)  # mean of log 2 and log(1 + exp(-4))
    0.3556

    Reference:

    - [Snell et al., 2017, Prototypical Networks for Few-shot Learning,
      eq. 1-2 and algorithm 1](https://arxiv.org/abs/1703.05175)
    """
    check_nearness(distance, temperature)
    check_class_count("num_classes", num_classes)
    query = at_least_float32(query)
    support_labels = ops.convert_to_tensor(support_labels)
    query_labels = ops.convert_to_tensor(query_labels)
    check_labels(query.shape, query_labels.shape, query_labels.dtype)
    means, counts = class_means(support, support_labels, num_classes)
    logits = prototype_logits(query, means, counts, distance, temperature)
    loss = _mean_over_queries(logits, ops.cast(query_labels, "int32"))
    wrong = ops.logical_or(
        ops.any(support_labels >= num_classes),
        ops.any(query_labels >= num_classes),
    )
    return ops.where(wrong, math.nan, loss)


@public("losses")
class Prototypical(keras.losses.Loss):
    """The prototypical loss within a batch, for plain `model.fit`.

    Trains a plain model from examples to features: labels are the classes,
    predictions the features. The first `shots` rows of each class in the batch
    are its support, the others its queries, and the value is `prototypical`
    of them. So a batch must hold several classes with more than `shots` rows
    each: draw it so, since classes with no more rows than that have no query,
    and a batch without queries has a loss of 0. They are classes that the
    queries of others are told from, all the same.

    The value belongs to the batch, not to single rows: `reduction` has no
    effect on a scalar, and a `sample_weight` multiplies it as a whole.

    For episodes of `data.episodes`, with variable ways and shots, see
    `meta.PrototypicalNetwork`.

    Args:
        shots: Positive integer.
        distance: `"euclidean"` (squared) or `"cosine"`.
        temperature: Positive number that divides the logits.
        name: Optional name.
        dtype: Optional dtype of the computation, float32 by default.

    Call arguments:
        y_true: Integers `(rows,)`, in any numbering below 16,777,216 (Keras
            makes floats of them); rows with -1 are left out.
        y_pred: Features, shape `(rows, d)`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> features = np.array([[0.0], [2.0], [1.0], [2.0]])
    >>> loss = kt.losses.Prototypical(shots=1)
    >>> round(loss(np.array([7, 3, 7, 3]), features).numpy().item(), 4)
    0.3556

    Reference:

    - [Snell et al., 2017, Prototypical Networks for Few-shot Learning,
      eq. 1-2 and algorithm 1](https://arxiv.org/abs/1703.05175)
    """

    def __init__(
        self,
        shots=1,
        distance="euclidean",
        temperature=1.0,
        name="prototypical",
        dtype=None,
    ):
        check_class_count("shots", shots)
        check_nearness(distance, temperature)
        super().__init__(name=name, reduction="sum", dtype=dtype)
        self.shots = int(shots)
        self.distance = distance
        self.temperature = float(temperature)

    def call(self, y_true, y_pred):
        labels = _as_row_labels(y_true, y_pred)
        features = at_least_float32(y_pred)
        same = ops.equal(labels[:, None], labels[None, :])
        row = ops.cumsum(ops.ones_like(labels)) - 1
        before = ops.logical_and(same, row[None, :] < row[:, None])
        rank = ops.sum(ops.cast(before, "int32"), axis=1)
        valid = labels >= 0
        in_support = ops.logical_and(valid, rank < self.shots)
        # A batch may be of unknown size, and classes must be counted by a
        # Python integer. So each row stands for a class, the one that it is
        # the first of; the classes of other rows are without support.
        member = ops.logical_and(same, in_support[None, :])
        member = ops.logical_and(member, (rank == 0)[:, None])
        counts = ops.sum(ops.cast(member, "int32"), axis=1)
        # Zero times NaN is NaN, and rows left out may hold anything.
        counted = ops.where(valid[:, None], features, 0.0)
        sums = ops.matmul(ops.cast(member, counted.dtype), counted)
        divisor = ops.cast(ops.maximum(counts, 1), sums.dtype)
        logits = prototype_logits(
            counted,
            sums / divisor[:, None],
            counts,
            self.distance,
            self.temperature,
        )
        first = ops.argmax(ops.cast(same, "int32"), axis=1)
        is_query = ops.logical_and(valid, rank >= self.shots)
        first = ops.where(is_query, ops.cast(first, "int32"), -1)
        return _mean_over_queries(logits, first)

    def get_config(self):
        return {
            "shots": self.shots,
            "distance": self.distance,
            "temperature": self.temperature,
            "name": self.name,
            "dtype": self.dtype,
        }


def _mean_over_queries(logits, labels):
    """Cross-entropy of `(..., rows, classes)`; labels of -1 do not count."""
    valid = labels >= 0
    classes = ops.arange(logits.shape[-1] or ops.shape(logits)[-1])
    chosen = ops.equal(labels[..., None], ops.cast(classes, labels.dtype))
    of_class = ops.sum(ops.where(chosen, logits, 0.0), axis=-1)
    # That of a class without support: the loss is not 1e30 but no number.
    of_class = ops.where(of_class <= ABSENT, math.nan, of_class)
    values = ops.logsumexp(logits, axis=-1) - of_class
    number = ops.sum(ops.cast(valid, values.dtype))
    total = ops.sum(ops.where(valid, values, 0.0))
    return total / ops.maximum(number, 1.0)


def _as_row_labels(y_true, y_pred):
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    if len(shapes[1]) != 2 or shapes[0][1:] not in ((), (1,)):
        raise ValueError(
            "The prototypical loss of a batch takes labels (rows,) and "
            f"features (rows, width). Received shapes {shapes[0]} and "
            f"{shapes[1]}."
        )
    return ops.cast(ops.reshape(y_true, (-1,)), "int32")
