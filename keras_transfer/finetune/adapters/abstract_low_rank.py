"""Adapters that add a product of two small matrices to a kernel."""

import abc
import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import is_integer
from keras_transfer.finetune.adapters import kernels
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter
from keras_transfer.finetune.adapters.abstract_branch import AbstractBranch


class AbstractLowRank(AbstractAdapter):
    """An adapter that adds `scale * A @ B` to a kernel.

    Args:
        rank: Columns of A and rows of B.
        alpha: Number from which the scale follows.
        dropout: Rate at which inputs of A are dropped in training.
        target: Names, paths or patterns of layers.
    """

    def __init__(self, rank=8, alpha=16, dropout=0.0, target="dense*"):
        super().__init__(target)
        if not is_integer(rank, least=1):
            raise invalid_argument("rank", rank, "a positive integer")
        if not isinstance(alpha, numbers.Real) or not 0 < alpha < math.inf:
            raise invalid_argument("alpha", alpha, "a positive number")
        if not isinstance(dropout, numbers.Real) or not 0 <= dropout < 1:
            raise invalid_argument("dropout", dropout, "a number in [0, 1)")
        self.rank = int(rank)
        self.alpha = alpha
        self.dropout = float(dropout)

    @property
    @abc.abstractmethod
    def scale(self):
        """What the product is multiplied by."""

    def branch(self, base, path, name):
        return LowRankBranch(self, base, name=name)

    def get_config(self):
        return {
            "rank": self.rank,
            "alpha": self.alpha,
            "dropout": self.dropout,
            **super().get_config(),
        }


class LowRankBranch(AbstractBranch):
    """The factors A and B of one layer; the product is never formed."""

    def __init__(self, adapter, base, **kwargs):
        super().__init__(adapter, base, **kwargs)
        self.kernel = kernels.kernel_of(base)
        # The inputs of an embedding are numbers of rows.
        self._dropout = None
        if adapter.dropout and not isinstance(base, keras.layers.Embedding):
            self._dropout = keras.layers.Dropout(adapter.dropout)

    def build(self, input_shape):
        a_shape, b_shape = self.kernel.factor_shapes(self.adapter.rank)
        sizes = self.kernel.sizes(self.kernel.inputs)
        limit = 1 / math.sqrt(math.prod(sizes))
        a_start = keras.initializers.RandomUniform(-limit, limit)
        b_start = "zeros"
        if isinstance(self.kernel, kernels.EmbeddingKernel):
            a_start, b_start = "zeros", keras.initializers.RandomNormal(0, 1)
        self.a = self.add_learnt("a", a_shape, a_start)
        self.b = self.add_learnt("b", b_shape, b_start)
        if self._dropout is not None:
            self._dropout.build(input_shape)

    def product(self, x, training, factor=1.0):
        """`factor * scale * x @ A @ B`."""
        if self._dropout is not None:
            x = self._dropout(x, training=training)
        hidden = self.kernel.down(x, self.in_compute_dtype(self.a))
        # Scaled where it is smallest.
        hidden = hidden * (factor * self.adapter.scale)
        return self.kernel.up(hidden, self.in_compute_dtype(self.b))

    def kernel_change(self):
        """`scale * A @ B`, of the kernel's shape."""
        return self.adapter.scale * self.kernel.product(
            ops.convert_to_tensor(self.a), ops.convert_to_tensor(self.b)
        )

    def term(self, x, outputs, training):
        strength = self.in_compute_dtype(self.strength)
        return self.product(x, training, strength)

    def merge_term(self, kernel, bias, base_kernel):
        return kernel + self.strength * self.kernel_change(), bias
