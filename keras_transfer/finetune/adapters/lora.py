"""LoRA: low-rank adaptation."""

from keras_transfer._public import public
from keras_transfer.finetune.adapters.abstract_low_rank import AbstractLowRank


@public("finetune")
class LoRA(AbstractLowRank):
    """A product of two small matrices beside each frozen kernel.

    Formula, for a dense layer with kernel W of shape (inputs, outputs):

        y = activation(x W + b + (alpha / rank) * dropout(x) A B)

    with A of shape (inputs, rank) and B of shape (rank, outputs). A begins
    uniform in +-1 / sqrt(inputs), B at zero, so that the outputs do not change
    at first. Only A and B learn. `W + A B` is never formed, and no gradient
    of the kernel's size either.

    For a convolution A is one of the same size and strides with `rank`
    filters, and B a 1 x 1 convolution. For an `EinsumDense` layer all axes
    that are summed over count as inputs. For an embedding A begins at zero
    and B normal, as in the authors' code.

    Bad at: changes that are not of low rank, such as many new facts or a far
    away domain, where it stays behind full fine-tuning.

    Args:
        rank: Columns of A and rows of B.
        alpha: Positive number. It works as a learning rate, so that the rank
            can change without another search for the rate.
        dropout: Rate at which inputs of A are dropped in training.
        target: Names, paths (`"encoder/*/query"`) or patterns of `Dense`,
            `EinsumDense`, `Embedding` and `Conv1D` to `Conv3D` layers. The
            projections of a `MultiHeadAttention` layer are called `query`,
            `key`, `value` and `attention_output`. The name of what is around
            them, as a nested model or an attention layer, stands for all in
            it.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> adapted = kt.finetune.add_adapters(model, kt.finetune.LoRA(rank=2))
    >>> [tuple(w.shape) for w in adapted.trainable_weights]
    [(4, 2), (2, 3)]

    Reference:

    - [Hu et al., 2022, LoRA: Low-Rank Adaptation of Large Language Models,
      eq. 3](https://arxiv.org/abs/2106.09685)
    """

    @property
    def scale(self):
        return self.alpha / self.rank
