"""Softmax regression on embedded examples."""

import math
import numbers

import keras
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.meta import dense_heads
from keras_transfer.meta import encoders
from keras_transfer.meta.episodic_trainer import EpisodicTrainer
from keras_transfer.ops.prototypes import ABSENT
from keras_transfer.ops.prototypes import check_class_count


@public("meta")
class LinearHead(EpisodicTrainer):
    """A linear head, fitted to the support of each task, on a frozen encoder.

    Formula, with `x_i` the features of the `n` examples of the support,
    followed by a 1 for the bias, and `y_i` their labels:

        loss(W) = (1/n) sum_i -log softmax(W^T x_i)[y_i] + l2 / 2 * ||W||^2

    The baseline that every few-shot method has to beat: the encoder as it is,
    a new last layer for the new classes. It needs no training of its own; use
    `evaluate_episodes` and `adapt`.

    The loss has one minimum. From `W = 0` it is approached by Nesterov's steps
    on an upper bound of the curvature that is the same everywhere and is
    factored once. So there is no learning rate, the size of the features does
    not slow it down, and no two runs differ. All tasks of a batch are fitted
    at once, in float64, on the inner products of the examples alone.

    Bad at: one example a class, where the nearest mean is as good and cheaper.

    Args:
        encoder: A built `keras.Model` from one example, or a structure of
            inputs, to features `(rows, d)`.
        steps: Number of steps. A hundred are enough to classify alike; a small
            `l2` needs some hundreds to come close to the minimum.
        l2: Positive weight of the penalty, which falls on the bias too.
        **kwargs: Passed to `keras.Model`.

    Output shape:
        `(tasks, queries, support)`, float32, as for
        `meta.PrototypicalNetwork`.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> x, y = np.random.rand(60, 4), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(x, y, ways=5, shots=2, queries=3, tasks=4)
    >>> head = kt.meta.LinearHead(encoder)
    >>> scores = head.evaluate_episodes(episodes, 8, verbose=False)
    >>> scores["moving"].num_episodes
    8
    >>> head.adapt(x[:20], y[:20])(x[:7]).shape
    TensorShape([7, 2])

    Reference:

    - [Chen et al., 2019, A Closer Look at Few-shot Classification, section
      3.1](https://arxiv.org/abs/1904.04232), for the baseline
    - [Boehning, 1992, Multinomial Logistic Regression Algorithm, Annals of
      the Institute of Statistical Mathematics 44,
      197-200](https://doi.org/10.1007/BF00048682), for the bound
    """

    def __init__(self, encoder, steps=100, l2=0.01, **kwargs):
        encoders.check(encoder)
        check_class_count("steps", steps)
        if not isinstance(l2, numbers.Real) or not 0 < l2 < math.inf:
            raise invalid_argument("l2", l2, "a positive number")
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.encoder = encoder
        self.steps = int(steps)
        self.l2 = float(l2)
        self.built = True

    def episode_outputs(self, support, labels, query, training):
        support, query = encoders.embed_together(
            self.encoder, support, query, training
        )
        classes = support.shape[1] or tf.shape(support)[1]
        support, targets = dense_heads.valid_rows(support, labels, classes)
        kernel, bias = softmax_regression(support, targets, self.l2, self.steps)
        logits = tf.matmul(tf.cast(query, "float64"), kernel) + bias
        logits = dense_heads.without_absent(logits, targets)
        return tf.cast(
            logits, keras.backend.result_type(self.variable_dtype, "float32")
        )

    def adapt(self, x, y):
        """A plain classifier of the classes of a support.

        Args:
            x: Examples `(rows, ...)`, or a structure of such.
            y: Integers `(rows,)` from 0 to the number of classes less 1.

        Returns:
            A `keras.Model` from examples to logits `(rows, classes)`: the
            encoder itself, not a copy, and a `Dense` layer.
        """
        support = dense_heads.support_of(self.encoder, x, y)
        features, targets = dense_heads.valid_rows(*support)
        kernel, bias = softmax_regression(
            features, targets, self.l2, self.steps
        )
        return dense_heads.plain_model(self.encoder, kernel, bias[0])

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "steps": self.steps,
            "l2": self.l2,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**{**config, "encoder": encoder})


def softmax_regression(features, targets, l2, steps):
    """Approaches the minimum of the loss of `LinearHead`.

    The weights are sums of the examples, `W = X^T A`. With `R` the residuals
    of the softmax over `n`, the gradient is `X^T (R + l2 A)`, and the Hessian
    is nowhere above that of `H = X^T X / (2 n) + l2 I`. A step on `W` by
    `H^-1` is one on `A` by `(X X^T / (2 n) + l2 I)^-1`.

    Args:
        features: `(..., rows, d)`, zeros where a row is padding.
        targets: One-hot `(..., rows, classes)`, zeros likewise. A class
            without rows takes no part.
        l2: Positive number.
        steps: Number of steps.

    Returns:
        Kernel `(..., d, classes)` and bias `(..., 1, classes)`.
    """
    is_valid = tf.reduce_sum(targets, -1, keepdims=True)
    rows = tf.maximum(tf.reduce_sum(is_valid, -2, keepdims=True), 1.0)
    # The 1 for the bias adds 1 to each inner product of two real rows.
    gram = tf.matmul(features, features, transpose_b=True)
    gram += tf.matmul(is_valid, is_valid, transpose_b=True)
    bound = gram / (2 * rows)
    bound += l2 * tf.eye(tf.shape(gram)[-1], dtype=gram.dtype)
    factor = tf.linalg.cholesky(bound)
    present = tf.reduce_any(targets > 0, axis=-2, keepdims=True)

    def step(index, weights, ahead):
        logits = tf.where(present, tf.matmul(gram, ahead), ABSENT)
        residuals = (tf.nn.softmax(logits) * is_valid - targets) / rows
        new = ahead - tf.linalg.cholesky_solve(factor, residuals + l2 * ahead)
        momentum = tf.cast(index / (index + 3), new.dtype)
        return index + 1, new, new + momentum * (new - weights)

    start = tf.zeros_like(targets)
    _, weights, _ = tf.while_loop(
        lambda index, *_: index < steps, step, (0, start, start)
    )
    kernel = tf.matmul(features, weights, transpose_a=True)
    return kernel, tf.matmul(is_valid, weights, transpose_a=True)
