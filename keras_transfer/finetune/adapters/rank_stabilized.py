"""LoRA whose learning does not slow down with the rank."""

import math

from keras_transfer._public import public
from keras_transfer.finetune.adapters.abstract_low_rank import AbstractLowRank


@public("finetune")
class RankStabilizedLoRA(AbstractLowRank):
    """LoRA scaled by the root of the rank instead of the rank.

    Formula: as `LoRA`, with

        y = activation(x W + b + alpha / sqrt(rank) * dropout(x) A B)

    With `alpha / rank` the gradients of A and B fall as the rank grows, so
    that a high rank is no better than a low one; with the root they do not.

    Bad at: taking over an alpha that was found for `LoRA`; at rank r it is
    too large by `sqrt(r)`.

    Args:
        rank: Columns of A and rows of B.
        alpha: Positive number.
        dropout: Rate at which inputs of A are dropped in training.
        target: Names, paths or patterns of layers, as for `LoRA`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> adapter = kt.finetune.RankStabilizedLoRA(rank=4)
    >>> adapted = kt.finetune.add_adapters(model, adapter)
    >>> adapter.scale
    8.0

    Reference:

    - [Kalajdzievski, 2023, A Rank Stabilization Scaling Factor for
      Fine-Tuning with LoRA](https://arxiv.org/abs/2312.03732)
    """

    @property
    def scale(self):
        return self.alpha / math.sqrt(self.rank)
