"""Batch normalization with separate statistics for each domain."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import public


@public("layers")
class DomainBatchNormalization(keras.layers.Layer):
    """One batch normalization per domain, chosen at the call.

    For models with a branch per domain that you build yourself;
    `DomainAdaptation(batch_norm=...)` does the same to an ordinary model.

    Formula, for domain k:

        y = gamma_k * (x - mean_k) / sqrt(variance_k + epsilon) + beta_k

    Bad at: small batches of one domain, whose statistics are then noise.

    Args:
        num_domains: Number of domains.
        share_affine: If `True`, gamma and beta are common to all domains and
            only the statistics are separate.
        axis: Axis of the features.
        momentum: Of the moving averages.
        epsilon: Added to the variance.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of any rank from 2.
        domain: Python integer below `num_domains`.
        training: Whether to use the statistics of the batch.

    Output shape: that of the inputs.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> layer = kt.layers.DomainBatchNormalization(num_domains=2)
    >>> layer(keras.ops.ones((4, 8)), domain=1).shape
    TensorShape([4, 8])

    Reference:

    - [Chang et al., 2019, Domain-Specific Batch Normalization for Unsupervised
      Domain Adaptation, eq. 4-6](https://arxiv.org/abs/1906.03950)
    """

    def __init__(
        self,
        num_domains=2,
        share_affine=False,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        **kwargs,
    ):
        if not isinstance(num_domains, int) or num_domains < 1:
            raise invalid_argument(
                "num_domains", num_domains, "a positive integer"
            )
        super().__init__(**kwargs)
        self.num_domains = num_domains
        self.share_affine = share_affine
        self.axis = axis
        self.momentum = momentum
        self.epsilon = epsilon
        self._domains = [
            keras.layers.BatchNormalization(
                axis=axis,
                momentum=momentum,
                epsilon=epsilon,
                center=not share_affine,
                scale=not share_affine,
                dtype=self.dtype_policy,
                name=f"domain_{index}",
            )
            for index in range(num_domains)
        ]

    def build(self, input_shape):
        for layer in self._domains:
            layer.build(input_shape)
        self._gamma = self._beta = None
        if self.share_affine:
            axis = self.axis % len(input_shape)
            shape = [1] * len(input_shape)
            shape[axis] = input_shape[axis]
            self._gamma = self.add_weight(
                shape=shape, initializer="ones", name="gamma"
            )
            self._beta = self.add_weight(
                shape=shape, initializer="zeros", name="beta"
            )

    def call(self, inputs, domain=0, training=None):
        if not isinstance(domain, int) or not 0 <= domain < self.num_domains:
            raise invalid_argument(
                "domain", domain, f"an integer from 0 to {self.num_domains - 1}"
            )
        outputs = self._domains[domain](inputs, training=training)
        if self.share_affine:
            outputs = outputs * keras.ops.cast(self._gamma, outputs.dtype)
            outputs = outputs + keras.ops.cast(self._beta, outputs.dtype)
        return outputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_domains": self.num_domains,
            "share_affine": self.share_affine,
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
