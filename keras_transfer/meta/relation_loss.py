"""The loss of relation networks."""

import keras
from keras import ops

from keras_transfer._public import public
from keras_transfer.ops.precision import at_least_float32


@public("meta")
class RelationLoss(keras.losses.Loss):
    """Squared error of relation scores against 1 for the class, 0 for others.

    Formula, with `r_k` the score of a query for class `k` and `y` its class:

        loss = sum_k (r_k - [k = y])^2

    averaged over the queries. A class without support has the score 0 and adds
    nothing, however many there are.

    Note: the authors' code divides by the number of classes as well, so that
    their limit of 0.5 for the length of a gradient is 2.5 for 5 classes here.

    Args:
        name: Optional name.
        **kwargs: Passed to `keras.losses.Loss`.

    Call arguments:
        y_true: Integers `(...)`, as for a sparse loss.
        y_pred: Scores `(..., classes)`, usually from 0 to 1.

    Example:

    >>> import keras_transfer as kt
    >>> loss = kt.meta.RelationLoss()
    >>> round(float(loss([1], [[0.5, 0.9, 0.0]])), 4)
    0.26

    Reference:

    - [Sung et al., 2018, Learning to Compare: Relation Network for Few-Shot
      Learning, eq. 2](https://arxiv.org/abs/1711.06025)
    """

    def __init__(self, name="relation_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        scores = at_least_float32(y_pred)
        classes = ops.one_hot(
            ops.cast(y_true, "int32"), scores.shape[-1], dtype=scores.dtype
        )
        return ops.sum(ops.square(scores - classes), axis=-1)
