"""CORAL: distance between the covariances of two domains."""

import keras
from keras import ops

from keras_transfer._public import public
from keras_transfer.ops.moments import covariance


def coral(source, target):
    """Squared distance between the covariances of two feature batches.

    Formula:

        loss = ||C(source) - C(target)||_F^2 / (4 * d^2)

    with C the unbiased covariance over the batch, each with its own number of
    rows, and d the feature width.

    Bad at: differences of the means, which it does not see, and of anything
    beyond second moments. Its size falls with d^2 and grows with the fourth
    power of the feature scale, so a weight found for one layer says little
    about another.

    Args:
        source: Features, shape `(num_source, d)`, `num_source >= 2`.
        target: Features, shape `(num_target, d)`, `num_target >= 2`.

    Returns:
        Scalar, float32 or wider; zero when both covariances are equal.

    Raises:
        ValueError: If a batch has a single row or is not a batch of vectors.

    Example:

    >>> from keras_transfer import losses
    >>> losses.coral([[0.0], [2.0]], [[0.0], [4.0]]).numpy().item()
    9.0

    Reference:

    - [Sun & Saenko, 2016, Deep CORAL, eq. 1](https://arxiv.org/abs/1607.01719)
    """
    difference = covariance(source) - covariance(target)
    width = difference.shape[-1]
    return ops.sum(ops.square(difference)) / (4.0 * width**2)


@public("losses")
class Coral(keras.losses.Loss):
    """`coral(source, target)` as a Keras loss.

    The value belongs to the two batches, not to single rows: `reduction` has
    no effect on a scalar, and a `sample_weight` multiplies it as a whole.

    Args:
        name: Optional name.
        dtype: Optional dtype of the computation, float32 by default.

    Example:

    >>> import keras_transfer as kt
    >>> kt.losses.Coral()([[0.0], [2.0]], [[0.0], [4.0]]).numpy().item()
    9.0

    Reference:

    - [Sun & Saenko, 2016, Deep CORAL, eq. 1](https://arxiv.org/abs/1607.01719)
    """

    def __init__(self, name="coral", dtype=None):
        super().__init__(name=name, reduction="sum", dtype=dtype)

    def call(self, source, target):
        return coral(source, target)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}
