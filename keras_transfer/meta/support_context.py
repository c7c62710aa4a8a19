"""Full context embedding of a support: the bidirectional LSTM."""

import random

import keras
import numpy as np
from keras import ops

from keras_transfer._public import public

#: Rows of a support have different places in the fixed order up to this many.
_PLACES = 4096


@public("meta")
class SupportContext(keras.layers.Layer):
    """Changes the feature of each support example after reading the others.

    A bidirectional LSTM runs over the support. Formula, with `g'_i` the
    feature of example `i` and two LSTMs as wide as it:

        g_i = forward_i + backward_i + g'_i

    A support is a set, yet an LSTM reads in some order, and episodes come
    class after class. So the rows are shuffled: anew in each call of training,
    and always in the same way, which depends on `seed`, in inference. Rows are
    returned in the order in which they came.

    Bad at: being a function of the set. Another order of the same support
    gives somewhat different features.

    Args:
        seed: Integer for the orders, or `None` for one at random, which the
            config then keeps.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(tasks, support, d)`.
        support_labels: Integers `(tasks, support)`, or `None`. Rows with a
            label below 0 are not read, whatever they hold.
        training: Whether the order is a new one.

    Output shape:
        That of `inputs`. Rows with a label below 0 are zeros.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> layer = kt.meta.SupportContext(seed=0)
    >>> layer(np.random.rand(2, 5, 4)).shape
    TensorShape([2, 5, 4])

    Reference:

    - [Vinyals et al., 2016, Matching Networks for One Shot Learning, section
      2.1.2 and appendix](https://arxiv.org/abs/1606.04080)
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        # A loaded model must read in the order of the saved one.
        self.seed = random.randrange(2**31) if seed is None else int(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        # NumPy promises that this stream never changes.
        places = np.random.RandomState(self.seed).permutation(_PLACES)
        self._places = (places / _PLACES).astype("float32")

    def build(self, inputs_shape, support_labels_shape=None):
        self.lstm = keras.layers.Bidirectional(
            keras.layers.LSTM(inputs_shape[-1], return_sequences=True),
            merge_mode="sum",
            dtype=self.dtype_policy,
            name="lstm",
        )
        self.lstm.build(inputs_shape)

    def call(self, inputs, support_labels=None, training=False):
        if support_labels is None:
            valid = ops.ones(ops.shape(inputs)[:2], "bool")
        else:
            valid = support_labels >= 0
        inputs = ops.where(valid[..., None], inputs, 0)
        order = ops.argsort(self._keys(valid, training), axis=1)
        rows = ops.take_along_axis(inputs, order[..., None], axis=1)
        # Padding is last. cuDNN wants a first row, if only that of no support.
        count = ops.maximum(ops.sum(ops.cast(valid, "int32"), axis=1), 1)
        mask = ops.arange(ops.shape(inputs)[1]) < count[:, None]
        read = self.lstm(rows, mask=mask, training=training)
        back = ops.argsort(order, axis=1)
        read = ops.take_along_axis(read, back[..., None], axis=1)
        return ops.where(valid[..., None], read + inputs, 0)

    def compute_output_shape(self, inputs_shape, support_labels_shape=None):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}

    def _keys(self, valid, training):
        """Numbers `(tasks, support)` to sort by; padding has the largest."""
        if training:
            keys = keras.random.uniform(
                ops.shape(valid), seed=self.seed_generator
            )
        else:
            # By rank among the rows that count: padding changes no order.
            rank = ops.cumsum(ops.cast(valid, "int32"), axis=1) - 1
            keys = ops.take(
                ops.convert_to_tensor(self._places), rank % _PLACES, axis=0
            )
        return ops.where(valid, keys, 2.0)
