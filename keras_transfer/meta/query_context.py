"""Full context embedding of queries: the attention LSTM."""

import keras
from keras import ops

from keras_transfer._public import public
from keras_transfer.ops.precision import at_least_float32
from keras_transfer.ops.prototypes import ABSENT
from keras_transfer.ops.prototypes import check_class_count


@public("meta")
class QueryContext(keras.layers.Layer):
    """Changes the feature of each query after reading the support.

    An LSTM takes `processing_steps` steps. Its input is the feature of the
    query at each of them, its state is what it has read. Formula, with `f'`
    the feature of a query, `g_i` those of the support, `h_0 = c_0 = 0`:

        a_i = softmax_i(h_{k-1} . g_i),    r_{k-1} = sum_i a_i g_i
        u_k, c_k = LSTM(f', [h_{k-1}, r_{k-1}], c_{k-1})
        h_k = u_k + f'

    and `h_K` is returned. What was read, `r`, is joined to the state `h`, so
    that the recurrent kernel has twice as many rows as `h` has values.

    No query sees another one, and the order of the support does not matter.

    Args:
        processing_steps: Number of steps `K`. The paper does not say which it
            used.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features of queries `(..., queries, d)`.
        support: Features `(..., support, d)`, usually of `SupportContext`.
        support_labels: Integers `(..., support)`, or `None`. Rows with a label
            below 0 are not read, whatever they hold.

    Output shape:
        That of `inputs`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> layer = kt.meta.QueryContext(processing_steps=3)
    >>> queries, support = np.random.rand(2, 6, 4), np.random.rand(2, 5, 4)
    >>> layer(queries, support=support).shape
    TensorShape([2, 6, 4])

    Reference:

    - [Vinyals et al., 2016, Matching Networks for One Shot Learning, section
      2.1.2 and appendix](https://arxiv.org/abs/1606.04080)
    """

    def __init__(self, processing_steps=5, **kwargs):
        check_class_count("processing_steps", processing_steps)
        super().__init__(**kwargs)
        self.processing_steps = int(processing_steps)

    def build(
        self, inputs_shape, support_shape=None, support_labels_shape=None
    ):
        width = inputs_shape[-1]
        # As in keras.layers.LSTM: gates in the order input, forget, cell and
        # output; the forget gate begins open.
        self.kernel = self.add_weight(
            shape=(width, 4 * width),
            initializer="glorot_uniform",
            name="kernel",
        )
        self.recurrent_kernel = self.add_weight(
            shape=(2 * width, 4 * width),
            initializer="orthogonal",
            name="recurrent_kernel",
        )
        self.bias = self.add_weight(
            shape=(4 * width,), initializer=_open_forget_gate, name="bias"
        )

    def call(self, inputs, support, support_labels=None):
        mask = None
        if support_labels is not None:
            mask = ops.expand_dims(support_labels >= 0, -1)
            support = ops.where(mask, support, 0)
        # The input is the same in each step.
        driven = ops.matmul(inputs, self.kernel) + self.bias
        hidden = cell = ops.zeros_like(inputs)
        for _ in range(self.processing_steps):
            read = _read(hidden, support, mask)
            state = ops.concatenate([hidden, read], axis=-1)
            gates = driven + ops.matmul(state, self.recurrent_kernel)
            enter, keep, new, leave = ops.split(gates, 4, axis=-1)
            cell = ops.sigmoid(keep) * cell + ops.sigmoid(enter) * ops.tanh(new)
            hidden = ops.sigmoid(leave) * ops.tanh(cell) + inputs
        return hidden

    def compute_output_shape(
        self, inputs_shape, support_shape=None, support_labels_shape=None
    ):
        return inputs_shape

    def get_config(self):
        return {
            **super().get_config(),
            "processing_steps": self.processing_steps,
        }


def _read(hidden, support, mask):
    """What a state reads from the support: `(..., queries, d)`."""
    scores = ops.matmul(hidden, ops.swapaxes(support, -1, -2))
    scores = at_least_float32(scores)
    if mask is not None:
        scores = ops.where(ops.swapaxes(mask, -1, -2), scores, ABSENT)
    attention = ops.cast(ops.softmax(scores, axis=-1), support.dtype)
    return ops.matmul(attention, support)


def _open_forget_gate(shape, dtype):
    width = shape[0] // 4
    parts = (ops.zeros, ops.ones, ops.zeros, ops.zeros)
    return ops.concatenate([part((width,), dtype=dtype) for part in parts])
