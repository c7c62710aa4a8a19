"""Batch norm that cannot rely on the batch alone."""

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public


@public("layers")
class StochasticNormalization(keras.layers.BatchNormalization):
    """Batch norm that, in training, takes moving statistics at random.

    Formula, for channel j of a step of training, with s_j drawn anew for each
    channel and step:

        s_j = 1 with `probability`, else 0
        mean_j = s_j * moving_mean_j + (1 - s_j) * batch_mean_j
        variance_j = s_j * moving_variance_j + (1 - s_j) * batch_variance_j
        y_j = gamma_j * (x_j - mean_j) / sqrt(variance_j + epsilon) + beta_j

    The moving statistics follow those of the batch as in batch norm, after
    they were used. In inference, and while the layer is frozen, it is batch
    norm. Its weights are those of `keras.layers.BatchNormalization`, in the
    same order, so that they can be copied from a pretrained network.

    Bad at: training from scratch, where the moving statistics mean nothing
    yet. Masks, `renorm` and `synchronized` are not supported.

    Args:
        probability: Of taking the moving statistics; 0 is batch norm, 1 is a
            batch norm in inference mode that still learns.
        seed: Optional integer.
        **kwargs: Passed to `keras.layers.BatchNormalization`.

    Raises:
        ValueError: If the probability is out of range, or with an argument
            that is not supported.

    Input shape: any, with the channels on `axis`.

    Output shape: that of the inputs.

    Note: the paper and its code put the update of the moving statistics
    before their use; here it comes after, so that the first steps see what
    was pretrained.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> layer = kt.layers.StochasticNormalization(probability=0.5, seed=0)
    >>> layer(keras.ops.ones((4, 8)), training=True).shape
    TensorShape([4, 8])

    Reference:

    - [Kou et al., 2020, Stochastic Normalization, NeurIPS, algorithm
      1](https://proceedings.neurips.cc/paper/2020/hash/bc573864331a9e42e4511de6f678aa83-Abstract.html)
    """

    def __init__(self, probability=0.5, seed=None, **kwargs):
        if not 0 <= probability <= 1:
            raise invalid_argument(
                "probability", probability, "a number from 0 to 1"
            )
        for name in ("renorm", "synchronized"):
            if kwargs.get(name):
                raise invalid_argument(name, True, "False")
        super().__init__(**kwargs)
        self.probability = float(probability)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None, mask=None):
        if mask is not None:
            raise ValueError(
                "StochasticNormalization does not support masks: every "
                "position counts in its statistics."
            )
        if not (training and self.trainable):
            return super().call(inputs, training=training)
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        inputs = ops.cast(inputs, dtype)
        axis = self.axis % len(inputs.shape)
        others = [i for i in range(len(inputs.shape)) if i != axis]
        batch = ops.moments(inputs, axes=others)
        moving = [
            ops.cast(variable, dtype)
            for variable in (self.moving_mean, self.moving_variance)
        ]
        takes_moving = (
            keras.random.uniform(moving[0].shape, seed=self.seed_generator)
            < self.probability
        )
        mean, variance = (
            ops.where(takes_moving, *pair)
            for pair in zip(moving, batch, strict=True)
        )
        self._follow(moving, batch)
        outputs = ops.batch_normalization(
            inputs,
            mean,
            variance,
            axis=axis,
            offset=None if self.beta is None else ops.cast(self.beta, dtype),
            scale=None if self.gamma is None else ops.cast(self.gamma, dtype),
            epsilon=self.epsilon,
        )
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self):
        config = super().get_config()
        # Whatever they are called, they are off.
        for name in ("renorm", "renorm_clipping", "renorm_momentum"):
            config.pop(name, None)
        return {
            **config,
            "probability": self.probability,
            "seed": self.seed,
        }

    def _follow(self, moving, batch):
        for variable, old, new in zip(
            (self.moving_mean, self.moving_variance), moving, batch, strict=True
        ):
            variable.assign(old * self.momentum + new * (1.0 - self.momentum))
