"""A classifier by attention over the labelled examples."""

import keras
import tensorflow as tf
from keras import ops

from keras_transfer._public import public
from keras_transfer.meta import support_set
from keras_transfer.ops.precision import at_least_float32
from keras_transfer.ops.prototypes import ABSENT
from keras_transfer.ops.prototypes import unit_vectors


@public("meta")
class MatchingHead(keras.layers.Layer):
    """Classifies features by their likeness to those of a fixed support.

    It is the last layer of what `meta.MatchingNetwork.adapt` returns. The
    support is a weight of it, and saved with the model. Formula, with `x_i` the
    support, `y_i` its labels:

        p(k | x) = sum of a_i over i with y_i = k
        a = softmax_i(cos(x, x_i) / temperature)

    Args:
        rows: Number of examples in the support.
        width: Width of the features.
        num_classes: Number of classes.
        temperature: Positive number.
        query_context: `meta.QueryContext` through which features go first, or
            `None`.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, d)`.

    Output shape:
        `(rows, num_classes)`, float32: logarithms of probabilities, which are
        logits too. A class without support has -1e30.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> head = kt.meta.MatchingHead(rows=3, width=2, num_classes=2)
    >>> head.adapt(np.array([[1.0, 0], [0, 1], [0, 1]]), np.array([0, 1, 1]))
    >>> np.exp(head(np.array([[5.0, 5]]))).round(2)
    array([[0.33, 0.67]], dtype=float32)
    """

    def __init__(
        self,
        rows,
        width,
        num_classes,
        temperature=1.0,
        query_context=None,
        **kwargs,
    ):
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.rows = int(rows)
        self.width = int(width)
        self.num_classes = int(num_classes)
        self.temperature = float(temperature)
        self.query_context = query_context
        if query_context is not None and not query_context.built:
            query_context.build((None, None, width))
        self.support = self.add_weight(
            shape=(self.rows, self.width),
            initializer="zeros",
            dtype=keras.backend.result_type(self.variable_dtype, "float32"),
            autocast=False,
            trainable=False,
            name="support",
        )
        self.support_labels = self.add_weight(
            shape=(self.rows,),
            initializer=keras.initializers.Constant(-1),
            dtype="int32",
            autocast=False,
            trainable=False,
            name="support_labels",
        )
        self.built = True

    def adapt(self, features, labels):
        """Sets the support.

        Args:
            features: Array or tensor `(rows, width)`.
            labels: Integers `(rows,)`, from 0 to `num_classes - 1`.

        Raises:
            ValueError: If they do not fit each other or the head.
        """
        features, labels, num_classes = support_set.check(features, labels)
        if features.shape != (self.rows, self.width):
            raise ValueError(
                f"The head {self.name!r} was made for features of shape "
                f"{(self.rows, self.width)}. Received: {features.shape}."
            )
        if num_classes > self.num_classes:
            raise ValueError(
                f"The head {self.name!r} was made for {self.num_classes} "
                f"classes. Received a label of {num_classes - 1}."
            )
        self.support.assign(features)
        self.support_labels.assign(labels)

    def call(self, inputs):
        support, labels = self.support[None], self.support_labels[None]
        query = inputs[None]
        if self.query_context is not None:
            query = self.query_context(
                query,
                support=ops.cast(support, query.dtype),
                support_labels=labels,
            )
        return class_log_probabilities(
            ops.cast(query, support.dtype),
            support,
            labels,
            self.num_classes,
            self.temperature,
        )[0]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.num_classes)

    def get_config(self):
        return {
            **super().get_config(),
            "rows": self.rows,
            "width": self.width,
            "num_classes": self.num_classes,
            "temperature": self.temperature,
            "query_context": keras.saving.serialize_keras_object(
                self.query_context
            ),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        context = keras.saving.deserialize_keras_object(
            config["query_context"], custom_objects=custom_objects
        )
        return cls(**{**config, "query_context": context})


def class_log_probabilities(query, support, labels, num_classes, temperature):
    """Logarithm of the attention that each class gets.

    Formula, with `f` a query, `g_i` the support and `y_i` its labels:

        log p(k) = log sum_{i: y_i = k} exp(cos(f, g_i) / temperature)
                   - log sum_i exp(cos(f, g_i) / temperature)

    Args:
        query: `(tasks, queries, d)`.
        support: `(tasks, support, d)`.
        labels: Integers `(tasks, support)`; rows below 0 take no part.
        num_classes: Python integer.
        temperature: Positive number or scalar tensor.

    Returns:
        `(tasks, queries, num_classes)`, float32 or wider; -1e30 for classes
        without support. A label of `num_classes` or more makes all of its task
        NaN.
    """
    query, support = at_least_float32(query), at_least_float32(support)
    labels = tf.cast(labels, tf.int32)
    support = tf.where(labels[..., None] >= 0, support, 0.0)
    # One row for each example of the support, one column for each query.
    likeness = tf.matmul(
        unit_vectors(support), unit_vectors(query), transpose_b=True
    )
    sums, present = _log_sums(likeness / temperature, labels, num_classes)
    total = tf.reduce_logsumexp(sums, axis=1, keepdims=True)
    result = tf.where(present[..., None], sums - total, ABSENT)
    wrong = tf.reduce_any(labels >= num_classes, axis=-1)
    result = tf.where(wrong[:, None, None], float("nan"), result)
    return tf.linalg.matrix_transpose(result)


def _log_sums(scores, labels, num_classes):
    """Logarithm of the sum of exp(scores) over the rows of each class.

    Args:
        scores: `(tasks, rows, columns)`.
        labels: int32 `(tasks, rows)`.
        num_classes: Python integer.

    Returns:
        `(tasks, num_classes, columns)`, `ABSENT` for classes without rows; and
        booleans `(tasks, num_classes)`, which classes have rows.
    """
    shape = tf.shape(scores)
    tasks, columns = shape[0], shape[2]
    known = (labels >= 0) & (labels < num_classes)
    segments = tf.range(tasks)[:, None] * num_classes + labels
    # A negative segment is left out.
    segments = tf.reshape(tf.where(known, segments, -1), [-1])
    number = tasks * num_classes
    flat = tf.reshape(scores, [-1, columns])
    # Each class has its own largest score taken out of the exponential, or a
    # class far from a query would have the logarithm of 0.
    largest = tf.math.unsorted_segment_max
    top = largest(tf.stop_gradient(flat), segments, number)
    present = largest(tf.ones_like(segments), segments, number) > 0
    top = tf.where(present[:, None], top, 0.0)
    lowered = flat - tf.gather(top, tf.maximum(segments, 0))
    # Rows that are left out must be finite in the gradient too.
    lowered = tf.exp(tf.where(segments[:, None] >= 0, lowered, 0.0))
    sums = tf.math.unsorted_segment_sum(lowered, segments, number)
    sums = tf.where(present[:, None], sums, 1.0)
    sums = tf.where(present[:, None], tf.math.log(sums) + top, ABSENT)
    sums = tf.reshape(sums, [tasks, num_classes, columns])
    return sums, tf.reshape(present, [tasks, num_classes])
