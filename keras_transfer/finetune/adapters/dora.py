"""DoRA: the length and the direction of columns learn apart."""

from keras import ops

from keras_transfer._public import public
from keras_transfer.finetune.adapters import biases
from keras_transfer.finetune.adapters.abstract_low_rank import AbstractLowRank
from keras_transfer.finetune.adapters.abstract_low_rank import LowRankBranch


@public("finetune")
class DoRA(AbstractLowRank):
    """LoRA for the directions of a kernel's columns, and their lengths.

    Formula, for a dense layer with kernel W:

        V = W + (alpha / rank) * A B
        y = activation(x (m * V / ||V||) + b)

    with ||V|| the length of each column, one for each output, and m learnt; m
    begins at the lengths of W, so that the outputs change by rounding only.
    A and B are those of `LoRA`. The gradient does not go through ||V|| (sec.
    4.3 of the paper), so that none is of the kernel's size.

    Dropout acts on the inputs of A alone; the authors' code drops those of
    `(m / ||V|| - 1) x W` too.

    Bad at: speed. Each step forms V once to measure its columns, which `LoRA`
    does not.

    Args:
        rank: Columns of A and rows of B.
        alpha: Positive number.
        dropout: Rate at which inputs of A are dropped in training.
        target: Names, paths or patterns of layers, as for `LoRA`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> adapted = kt.finetune.add_adapters(model, kt.finetune.DoRA(rank=2))
    >>> [tuple(w.shape) for w in adapted.trainable_weights]
    [(4, 2), (2, 3), (3,)]

    Reference:

    - [Liu et al., 2024, DoRA: Weight-Decomposed Low-Rank Adaptation, eq. 5
      and 11](https://arxiv.org/abs/2402.09353)
    """

    @property
    def scale(self):
        return self.alpha / self.rank

    def branch(self, base, path, name):
        return _DoRABranch(self, base, name=name)


class _DoRABranch(LowRankBranch):
    def build(self, input_shape):
        super().build(input_shape)
        sizes = self.kernel.sizes(self.kernel.features)
        self.magnitude = self.add_learnt("magnitude", sizes, "ones")

    def begin(self):
        self.magnitude.assign(self._lengths(self._base_kernel()))

    def term(self, x, outputs, training):
        kernel, rank = self.kernel, len(outputs.shape)
        if (bias := biases.bias_of(kernel.layer)) is not None:
            bias = self.in_compute_dtype(bias)
            outputs = outputs - biases.over_outputs(kernel.layer, bias, rank)
        ratio = self._ratio(self._base_kernel())
        ratio = self.in_compute_dtype(kernel.over_outputs(ratio, rank))
        change = (ratio - 1) * outputs + ratio * self.product(x, training)
        return self.in_compute_dtype(self.strength) * change

    def merge_term(self, kernel, bias, base_kernel):
        ratio = self.kernel.over_kernel(
            self._ratio(base_kernel), self.kernel.features
        )
        merged = ratio * (base_kernel + self.kernel_change())
        return kernel + self.strength * (merged - base_kernel), bias

    def _ratio(self, kernel):
        lengths = self._lengths(kernel + self.kernel_change())
        return self.magnitude / ops.stop_gradient(lengths)

    def _lengths(self, kernel):
        """The length of each column."""
        letters = self.kernel.letters
        axes = [letters.index(i) for i in self.kernel.inputs]
        squares = ops.sum(ops.square(kernel), axis=axes)
        # A column of zeros has no direction, but must not divide by zero.
        return ops.sqrt(ops.maximum(squares, 1e-24))

    def _base_kernel(self):
        # Squares are summed up, which half precision cannot hold.
        kernel = ops.convert_to_tensor(self.kernel.variable)
        return ops.cast(kernel, self.variable_dtype)
