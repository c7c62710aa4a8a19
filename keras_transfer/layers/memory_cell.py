"""A recurrent cell with an external memory."""

import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer._public import unknown_name
from keras_transfer.ops.prototypes import check_class_count

WRITE_KEYS = ("read", "separate")
LEAST_USED = ("shared", "per_head")
#: What the memory holds before anything is written; 0 has no direction.
_BLANK = 1e-6
#: Floor of squared lengths, far below those of blank rows: the root of 0 has
#: an infinite gradient.
_LEAST_SQUARE = 1e-14


@public("layers")
class LeastRecentlyUsedMemoryCell(keras.layers.Layer):
    """An LSTM that writes to the least used slots of a memory and reads it.

    Formula, with the input `x`, the controller's output `h`, the memory `M` of
    `num_slots` rows, and for each head a key `k`, a gate `s` and what it writes
    `a`; `r` are the heads' reads side by side:

        h_t, c_t = LSTM([x_t, r_{t-1}], h_{t-1}, c_{t-1})
        k_t = tanh(K h_t + b),  s_t = sigmoid(S h_t + b')
        v_{t-1} = 1 in the num_heads slots of least usage u_{t-1}, else 0
        w_t = s_t p_{t-1} + (1 - s_t) v_{t-1}
        M_t = M_{t-1}, its single least used row set to 0, + sum_heads w_t a_t
        p_t = softmax over slots i of sharpness * cos(k_t, M_t[i])
        r_t = sum_i p_t[i] M_t[i]
        u_t = usage_decay * u_{t-1} + sum_heads (p_t + w_t)

    The output is `[h_t, r_t]`. So a head writes where it has just read, or
    where nobody has read or written for long. Which slots those are is not
    differentiated.

    It is a cell for `keras.layers.RNN`:

        layer = keras.layers.RNN(LeastRecentlyUsedMemoryCell(200))

    Bad at: long sequences on many units, as nothing runs in parallel over
    time; more facts than slots.

    Args:
        units: Width of the controller.
        num_slots: Number of rows of the memory.
        slot_width: Width of a row.
        num_heads: Number of heads; each reads and writes.
        usage_decay: What remains of the usage after a step, from 0 to 1.
        write_key: What a head writes. `"read"`: its key, `a = k`, as in the
            paper. `"separate"`: a vector of its own, `a = tanh(A h + b'')`.
        least_used: `"shared"`: every head writes to all of the `num_heads`
            least used slots. `"per_head"`: head `j` writes to the `j`-th of
            them, so that one step can store several things.
        sharpness: Positive number before the cosine. The paper has none, which
            is 1: a read is then little more than the mean of the memory.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: List of tensors `(batch, size)` with the sizes `state_size`:
            `h`, `c`, `r`, `p`, `u` and `M`, the last axes flat.

    Output shape: `(batch, units + num_heads * slot_width)`, in the dtype of
        the weights under any policy: half precision loses the usage.

    Note: the paper does not say how a sequence begins. Here every row of `M_0`
    is 1e-6, `p_0` and `u_0` are 1 in the first slot and 0 elsewhere, and the
    rest is 0, as the public implementations have it.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> cell = kt.layers.LeastRecentlyUsedMemoryCell(
    ...     units=8, num_slots=16, slot_width=4, num_heads=2
    ... )
    >>> layer = keras.layers.RNN(cell, return_sequences=True)
    >>> layer(keras.ops.ones((3, 10, 5))).shape
    TensorShape([3, 10, 16])

    Reference:

    - [Santoro et al., 2016, Meta-Learning with Memory-Augmented Neural
      Networks, eq. 2-8](https://proceedings.mlr.press/v48/santoro16.html)
    """

    def __init__(
        self,
        units=200,
        num_slots=128,
        slot_width=40,
        num_heads=4,
        usage_decay=0.95,
        write_key="read",
        least_used="shared",
        sharpness=1.0,
        **kwargs,
    ):
        _check_sizes(units, num_slots, slot_width, num_heads)
        _check_numbers(usage_decay, sharpness)
        for name, value, known in (
            ("write_key", write_key, WRITE_KEYS),
            ("least_used", least_used, LEAST_USED),
        ):
            if value not in known:
                raise unknown_name(name, value, known)
        policy = kwargs.pop("dtype", None) or keras.config.dtype_policy()
        # `RNN` keeps states in the compute dtype of the cell.
        full = keras.dtype_policies.get(policy).variable_dtype
        super().__init__(dtype=full, **kwargs)
        self.units = int(units)
        self.num_slots = int(num_slots)
        self.slot_width = int(slot_width)
        self.num_heads = int(num_heads)
        self.usage_decay = float(usage_decay)
        self.write_key = write_key
        self.least_used = least_used
        self.sharpness = float(sharpness)

    @property
    def output_size(self):
        return self.units + self.num_heads * self.slot_width

    @property
    def state_size(self):
        return [
            self.units,
            self.units,
            self.num_heads * self.slot_width,
            self.num_heads * self.num_slots,
            self.num_slots,
            self.num_slots * self.slot_width,
        ]

    # === Layer ===

    def build(self, input_shape):
        gates = 4 * self.units
        self.kernel = self.add_weight((input_shape[-1], gates), name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.output_size, gates),
            initializer="orthogonal",
            name="recurrent_kernel",
        )
        self.bias = self.add_weight(
            (gates,), initializer=self._first_bias, name="bias"
        )
        heads = self.num_heads * sum(self._head_sizes())
        self.head_kernel = self.add_weight(
            (self.units, heads), name="head_kernel"
        )
        self.head_bias = self.add_weight(
            (heads,), initializer="zeros", name="head_bias"
        )

    def call(self, inputs, states, training=None):
        return self.step(self.project(inputs), states)

    def project(self, inputs):
        """What the inputs add to the gates, for any number of steps at once.

        A loop is faster if this is done before it; see `step`.

        Args:
            inputs: Tensor `(..., features)`.

        Returns:
            Tensor `(..., 4 * units)`.
        """
        inputs = ops.cast(inputs, self.compute_dtype)
        return ops.matmul(inputs, self.kernel) + self.bias

    def step(self, projected, states):
        """One step after `project`.

        Args:
            projected: Tensor `(batch, 4 * units)`.
            states: As in a call.

        Returns:
            The output and the list of new states, as a call returns them.
        """
        hidden, carry, read, read_weights, usage, memory = states
        hidden, carry = self._controller(projected, hidden, carry, read)
        read_weights = ops.reshape(
            read_weights, (-1, self.num_heads, self.num_slots)
        )
        memory = ops.reshape(memory, (-1, self.num_slots, self.slot_width))
        keys, gates, written = self._head_outputs(hidden)
        slots = least_used_slots(usage, self.num_heads)
        targets = slots
        if self.least_used == "shared":
            targets = ops.sum(slots, axis=1, keepdims=True)
        write_weights = gates * read_weights + (1.0 - gates) * targets
        memory = write(memory, slots[:, 0], write_weights, written)
        read_weights = addresses(keys, memory, self.sharpness)
        read = ops.reshape(
            ops.matmul(read_weights, memory), (-1, self.state_size[2])
        )
        usage = self.usage_decay * usage + ops.sum(
            read_weights + write_weights, axis=1
        )
        states = [
            hidden,
            carry,
            read,
            ops.reshape(read_weights, (-1, self.state_size[3])),
            usage,
            ops.reshape(memory, (-1, self.state_size[5])),
        ]
        return ops.concatenate([hidden, read], axis=-1), states

    def get_initial_state(self, batch_size=None):
        def filled(size, value=0.0):
            return ops.full((batch_size, size), value, self.compute_dtype)

        first = ops.one_hot(
            ops.zeros((batch_size,), "int32"),
            self.num_slots,
            dtype=self.compute_dtype,
        )
        return [
            *(filled(size) for size in self.state_size[:3]),
            ops.tile(first, (1, self.num_heads)),
            first,
            filled(self.state_size[5], _BLANK),
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_slots": self.num_slots,
            "slot_width": self.slot_width,
            "num_heads": self.num_heads,
            "usage_decay": self.usage_decay,
            "write_key": self.write_key,
            "least_used": self.least_used,
            "sharpness": self.sharpness,
        }

    # === Parts of a step ===

    def _first_bias(self, shape, dtype=None):
        """A forget gate that begins open: `f` is the second of `i f g o`."""
        place = ops.arange(shape[0]) // self.units
        return ops.cast(place == 1, dtype)

    def _head_sizes(self):
        separate = self.slot_width if self.write_key == "separate" else 0
        return self.slot_width, 1, separate

    def _controller(self, projected, hidden, carry, read):
        before = ops.concatenate([hidden, read], axis=-1)
        gates = projected + ops.matmul(before, self.recurrent_kernel)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        carry = ops.sigmoid(f) * carry + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(carry), carry

    def _head_outputs(self, hidden):
        """Keys, gates and what is written, each `(batch, heads, ...)`."""
        outputs = ops.matmul(hidden, self.head_kernel) + self.head_bias
        outputs = ops.reshape(
            outputs, (-1, self.num_heads, sum(self._head_sizes()))
        )
        width = self.slot_width
        keys = ops.tanh(outputs[..., :width])
        gates = ops.sigmoid(outputs[..., width : width + 1])
        if self.write_key == "read":
            return keys, gates, keys
        return keys, gates, ops.tanh(outputs[..., width + 1 :])


def least_used_slots(usage, number):
    """One-hot vectors of the least used slots, the very least first.

    Args:
        usage: Tensor `(batch, slots)`.
        number: How many.

    Returns:
        Tensor `(batch, number, slots)`, without a gradient. Of equals the
        first comes first.
    """
    _, places = ops.top_k(-ops.stop_gradient(usage), number)
    return ops.one_hot(places, usage.shape[-1], dtype=usage.dtype)


def write(memory, erased, weights, written):
    """The memory after one row is erased and all heads have written.

    Args:
        memory: Tensor `(batch, slots, width)`.
        erased: `(batch, slots)`, 1 for the row that is set to 0 first.
        weights: `(batch, heads, slots)`.
        written: `(batch, heads, width)`.

    Returns:
        Tensor `(batch, slots, width)`.
    """
    kept = memory * (1.0 - ops.expand_dims(erased, -1))
    return kept + ops.matmul(ops.swapaxes(weights, -1, -2), written)


def addresses(keys, memory, sharpness):
    """Where each head reads: a softmax over the slots.

    Args:
        keys: Tensor `(batch, heads, width)`.
        memory: `(batch, slots, width)`.
        sharpness: Number before the cosine.

    Returns:
        Tensor `(batch, heads, slots)`, whose last axis sums to 1.
    """
    keys = keys * (sharpness * _one_over_length(keys)[..., None])
    products = ops.matmul(keys, ops.swapaxes(memory, -1, -2))
    # Products are scaled, not the memory: it is by far the largest tensor.
    return ops.softmax(products * _one_over_length(memory)[:, None], axis=-1)


def _one_over_length(x):
    squares = ops.sum(ops.square(x), axis=-1)
    return ops.rsqrt(ops.maximum(squares, _LEAST_SQUARE))


def _check_sizes(units, num_slots, slot_width, num_heads):
    for name, value in (
        ("units", units),
        ("num_slots", num_slots),
        ("slot_width", slot_width),
        ("num_heads", num_heads),
    ):
        check_class_count(name, value)
    if num_heads > num_slots:
        raise invalid_argument(
            "num_heads", num_heads, f"at most num_slots, {num_slots}"
        )


def _check_numbers(usage_decay, sharpness):
    if not isinstance(usage_decay, numbers.Real) or not 0 <= usage_decay <= 1:
        raise invalid_argument("usage_decay", usage_decay, "0 to 1")
    if not isinstance(sharpness, numbers.Real) or not 0 < sharpness < math.inf:
        raise invalid_argument("sharpness", sharpness, "a positive number")
