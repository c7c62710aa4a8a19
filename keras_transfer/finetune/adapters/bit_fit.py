"""BitFit: only biases learn."""

import functools

from keras_transfer._public import public
from keras_transfer.finetune.adapters import biases
from keras_transfer.finetune.adapters import kernels
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter
from keras_transfer.finetune.adapters.abstract_branch import AbstractBranch
from keras_transfer.training import layer_tree


@public("finetune")
class BitFit(AbstractAdapter):
    """Only the biases learn, those of normalizations (beta) among them.

    Formula:

        y = activation(x W + b + d)

    where d, which begins at zero, is what has been learnt. It is kept apart
    from b, so that the base stays as it is and adapters can be switched.

    Bad at: anything but small changes with few labels; and layers without a
    bias, as convolutions before a batch norm mostly are, give it nothing.

    Args:
        target: Names, paths or patterns of layers. Those without a bias do
            not count.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> adapted = kt.finetune.add_adapters(model, kt.finetune.BitFit())
    >>> [tuple(w.shape) for w in adapted.trainable_weights]
    [(3,)]

    Reference:

    - [Ben Zaken et al., 2022, BitFit: Simple Parameter-efficient Fine-tuning
      for Transformer-based Masked Language-models, eq.
      1-5](https://arxiv.org/abs/2106.10199)
    """

    def __init__(self, target="*"):
        super().__init__(target)

    def applies(self, layer):
        names = {weight.name for weight in layer_tree.own_weights(layer)}
        return bool(names & {"bias", "beta"})

    def refusal(self, layer):
        if type(layer) in kernels.KINDS:
            return kernels.refusal(layer, grouped=True)
        if type(layer) not in biases.KINDS:
            return f"is a {type(layer).__name__}, which is not supported"
        if not biases.is_spread_as_usual(layer):
            return f"has the axes {list(layer.axis)}"
        return None

    def branch(self, base, path, name):
        return _BitFitBranch(self, base, name=name)


class _BitFitBranch(AbstractBranch):
    def __init__(self, adapter, base, **kwargs):
        super().__init__(adapter, base, **kwargs)
        # The base itself would be tracked here too.
        self._over_outputs = functools.partial(biases.over_outputs, base)
        self._shape = biases.bias_of(base).shape

    def build(self, input_shape):
        self.offset = self.add_learnt("offset", self._shape, "zeros")

    def term(self, x, outputs, training):
        offset = self.in_compute_dtype(self.strength * self.offset)
        return self._over_outputs(offset, len(outputs.shape))

    def merge_term(self, kernel, bias, base_kernel):
        return kernel, bias + self.strength * self.offset
