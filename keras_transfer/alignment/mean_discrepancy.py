"""DAN: equal kernel means in one or several layers."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.alignment.abstract_alignment import AbstractAlignment
from keras_transfer.alignment.abstract_alignment import sum_over_layers
from keras_transfer.losses.maximum_mean_discrepancy import (
    MaximumMeanDiscrepancy,
)


@public("alignment")
class MeanDiscrepancy(AbstractAlignment):
    """Multi-kernel maximum mean discrepancy (`"dan"`).

    Formula, summed over the aligned layers l:

        sum_l MMD^2(source_l, target_l)

    Note: the paper learns the mixture of kernels by a quadratic program and
    estimates in linear time; here, as in all later implementations known to
    us, the kernels weigh the same and the estimate uses every pair.

    Bad at: batches below about 32 rows per domain, where the estimate is
    mostly noise.

    Args:
        loss: The discrepancy, a `keras.losses.Loss` that is called on two
            feature batches, by default `losses.MaximumMeanDiscrepancy()`.
        weight: Factor on the term.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> features = keras.ops.ones((4, 8))
    >>> batch = kt.alignment.Representation(features=(features, features))
    >>> float(kt.alignment.MeanDiscrepancy()(batch, batch))
    0.0

    Reference:

    - [Long et al., 2015, Learning Transferable Features with Deep Adaptation
      Networks, eq. 5](https://arxiv.org/abs/1502.02791)
    """

    def __init__(self, loss=None, weight=1.0, **kwargs):
        kwargs.setdefault("name", "dan")
        if isinstance(loss, dict):
            loss = keras.saving.deserialize_keras_object(loss)
        if loss is not None and not isinstance(loss, keras.losses.Loss):
            raise invalid_argument("loss", loss, "a keras.losses.Loss")
        super().__init__(weight=weight, **kwargs)
        self.loss = loss or MaximumMeanDiscrepancy()
        self.built = True

    @property
    def minimum_rows(self):
        is_mmd = isinstance(self.loss, MaximumMeanDiscrepancy)
        return 2 if is_mmd and self.loss.estimator == "unbiased" else 1

    def call(self, source, target, progress=1.0, training=None):
        return sum_over_layers(self.loss, source, target)

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss}
