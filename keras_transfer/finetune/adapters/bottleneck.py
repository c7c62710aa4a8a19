"""Bottleneck adapters: a small network after a frozen layer."""

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import is_integer
from keras_transfer._public import public
from keras_transfer.finetune.adapters import biases
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter
from keras_transfer.finetune.adapters.abstract_branch import AbstractBranch


@public("finetune")
class BottleneckAdapter(AbstractAdapter):
    """A small network with a narrow middle, added to the outputs of layers.

    Formula, with y the outputs of a frozen layer, of width d:

        y + f(y D + c) U + e

    with D of shape (d, width) and U of shape (width, d). U and e begin at
    zero, so that the outputs do not change at first. The paper has one after
    the attention and one after the feed-forward part of each block; take the
    layers that these end in, as `"attention_output"` and the second dense.

    Bad at: speed of the served model. It cannot be merged into the base,
    because f is not linear.

    Args:
        width: Width of the middle.
        activation: Name of f, or a function.
        target: Names, paths or patterns of layers whose outputs have the
            features last.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> adapter = kt.finetune.BottleneckAdapter(width=2)
    >>> adapted = kt.finetune.add_adapters(model, adapter)
    >>> [tuple(w.shape) for w in adapted.trainable_weights]
    [(3, 2), (2,), (2, 3), (3,)]

    Reference:

    - [Houlsby et al., 2019, Parameter-Efficient Transfer Learning for NLP,
      sec. 2.1](https://arxiv.org/abs/1902.00751)
    """

    def __init__(self, width=16, activation="relu", target="dense*"):
        super().__init__(target)
        if not is_integer(width, least=1):
            raise invalid_argument("width", width, "a positive integer")
        self.width = int(width)
        self.activation = keras.activations.get(activation)

    def refusal(self, layer):
        if type(layer) not in biases.KINDS:
            return f"is a {type(layer).__name__}, which is not supported"
        if getattr(layer, "data_format", "") == "channels_first":
            return "has its features first"
        return None

    def branch(self, base, path, name):
        return _BottleneckBranch(self, base, name=name)

    def get_config(self):
        return {
            "width": self.width,
            "activation": keras.activations.serialize(self.activation),
            **super().get_config(),
        }


class _BottleneckBranch(AbstractBranch):
    def __init__(self, adapter, base, **kwargs):
        super().__init__(adapter, base, **kwargs)
        self._output_shape = base.compute_output_shape
        self.down = keras.layers.Dense(
            adapter.width,
            adapter.activation,
            dtype=self.dtype_policy,
            name="down",
        )

    def build(self, input_shape):
        shape = self._output_shape(input_shape)
        self.down.build(shape)
        self.up = keras.layers.Dense(
            shape[-1],
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="up",
        )
        self.up.build((*shape[:-1], self.adapter.width))

    def change_outputs(self, y, training):
        strength = ops.cast(self.strength, y.dtype)
        return y + strength * self.up(self.down(y))

    def merge_refusal(self, activation, bias):
        return "is not linear"
