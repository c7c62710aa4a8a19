"""Deep CORAL: equal covariances in one or several layers."""

from keras_transfer._public import public
from keras_transfer.alignment.abstract_alignment import AbstractAlignment
from keras_transfer.alignment.abstract_alignment import sum_over_layers
from keras_transfer.losses.coral import coral


@public("alignment")
class CorrelationAlignment(AbstractAlignment):
    """Deep CORAL (`"deep_coral"`).

    Formula, summed over the aligned layers l of width d_l:

        sum_l ||C(source_l) - C(target_l)||_F^2 / (4 * d_l^2)

    Bad at: domains that differ in their means, which it does not see, and
    batches with fewer rows than features, whose covariances are mostly noise.
    Its scale depends on the features': the weight wants a look at the logs.

    Args:
        weight: Factor on the term.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> features = keras.ops.ones((4, 8))
    >>> batch = kt.alignment.Representation(features=(features,))
    >>> float(kt.alignment.CorrelationAlignment()(batch, batch))
    0.0

    Reference:

    - [Sun & Saenko, 2016, Deep CORAL, eq. 1 and 6](
      https://arxiv.org/abs/1607.01719)
    """

    minimum_rows = 2

    def __init__(self, weight=1.0, **kwargs):
        kwargs.setdefault("name", "deep_coral")
        super().__init__(weight=weight, **kwargs)
        self.built = True

    def call(self, source, target, progress=1.0, training=None):
        return sum_over_layers(coral, source, target)
