"""Ridge regression on embedded examples."""

import math
import numbers

import keras
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.meta import dense_heads
from keras_transfer.meta import encoders
from keras_transfer.meta.episodic_trainer import EpisodicTrainer


@public("meta")
class RidgeHead(EpisodicTrainer):
    """Classifies by ridge regression to the labels of the support.

    Formula, with `X` the features of the support, one row for each example,
    `Y` their one-hot labels and `q` the feature of a query:

        W = X^T (X X^T + penalty * I)^-1 Y
        logits = scale * q W + shift

    With a frozen encoder it is a baseline: `evaluate_episodes` and `adapt`
    need no training. As the solution has a gradient, `fit` trains the encoder
    through it, and with it penalty, scale and shift (R2-D2). `compile`, `fit`,
    batch norm and the columns of the output are as in
    `meta.PrototypicalNetwork`.

    The system has the size of the support or, where that is larger, of the
    features (Woodbury's identity). It is solved in float64.

    Bad at: features far from 0, as there is no intercept; features of another
    size than the penalty was chosen for.

    Args:
        encoder: A built `keras.Model` from one example, or a structure of
            inputs, to features `(rows, d)`.
        penalty: Positive number. With `learn`, its initial value.
        scale: Of the logits, which decides nothing but how sure they are; the
            regression itself gives about 1 and 0. With `learn`, its initial
            value.
        learn: Whether `fit` trains penalty, scale and shift too. The penalty
            stays positive.
        **kwargs: Passed to `keras.Model`.

    Note: the shift is the same for all classes, so a softmax does not see it.
    It is there for losses of one class against the others. The authors' code
    appends a 1 to the features and divides features and labels by the root of
    the number of rows; their paper does neither.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> x, y = np.random.rand(60, 4), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(x, y, ways=5, shots=2, queries=3, tasks=4)
    >>> ridge = kt.meta.RidgeHead(encoder, penalty=0.1)
    >>> scores = ridge.evaluate_episodes(episodes, 8, verbose=False)
    >>> scores["moving"].num_episodes
    8
    >>> ridge.adapt(x[:20], y[:20])(x[:7]).shape
    TensorShape([7, 2])

    Reference:

    - [Bertinetto et al., 2019, Meta-learning with Differentiable Closed-form
      Solvers, eq. 3-6](https://arxiv.org/abs/1805.08136)
    """

    def __init__(self, encoder, penalty=1.0, scale=10.0, learn=True, **kwargs):
        encoders.check(encoder)
        for name, value in (("penalty", penalty), ("scale", scale)):
            is_number = isinstance(value, numbers.Real)
            if not is_number or not 0 < value < math.inf:
                raise invalid_argument(name, value, "a positive number")
        kwargs.setdefault("dtype", encoder.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.encoder = encoder
        self.penalty = float(penalty)
        self.scale = float(scale)
        self.learn = learn
        self._log_penalty = self._scalar("log_penalty", math.log(penalty))
        self._scale = self._scalar("scale", scale)
        self._shift = self._scalar("shift", 0.0)
        self.built = True

    @property
    def current_penalty(self):
        """The penalty: as given, or as learnt."""
        return keras.ops.exp(self._log_penalty)

    def episode_outputs(self, support, labels, query, training):
        support, query = encoders.embed_together(
            self.encoder, support, query, training
        )
        classes = support.shape[1] or tf.shape(support)[1]
        support, targets = dense_heads.valid_rows(support, labels, classes)
        kernel, bias = self._solve(support, targets)
        logits = tf.matmul(tf.cast(query, "float64"), kernel) + bias
        logits = dense_heads.without_absent(logits, targets)
        return tf.cast(logits, self._scale.dtype)

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
        kernel, bias = self._solve(*dense_heads.valid_rows(*support))
        return dense_heads.plain_model(self.encoder, kernel, bias)

    def get_config(self):
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "penalty": self.penalty,
            "scale": self.scale,
            "learn": self.learn,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        encoder = keras.saving.deserialize_keras_object(
            config["encoder"], custom_objects=custom_objects
        )
        return cls(**{**config, "encoder": encoder})

    def _scalar(self, name, value):
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            dtype=keras.backend.result_type(self.variable_dtype, "float32"),
            autocast=False,
            trainable=self.learn,
            name=name,
        )

    def _solve(self, features, targets):
        """Kernel and bias of the scaled and shifted logits, float64."""
        penalty, scale, shift = (
            tf.cast(value, "float64")
            for value in (self.current_penalty, self._scale, self._shift)
        )
        return scale * ridge_weights(features, targets, penalty), shift


def ridge_weights(features, targets, penalty):
    """The minimum of `||features W - targets||^2 + penalty * ||W||^2`.

    Args:
        features: `(..., rows, d)`.
        targets: `(..., rows, classes)`.
        penalty: Positive scalar.

    Returns:
        `W`, `(..., d, classes)`.
    """
    rows, width = features.shape[-2:]
    if rows is not None and rows > width:
        gram = tf.matmul(features, features, transpose_a=True)
        right = tf.matmul(features, targets, transpose_a=True)
        return _solution(gram, right, penalty)
    gram = tf.matmul(features, features, transpose_b=True)
    return tf.matmul(
        features, _solution(gram, targets, penalty), transpose_a=True
    )


def _solution(gram, right, penalty):
    ridge = penalty * tf.eye(tf.shape(gram)[-1], dtype=gram.dtype)
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(gram + ridge), right)
