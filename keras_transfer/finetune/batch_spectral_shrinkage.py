"""Batch spectral shrinkage as a penalty of the features."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.finetune.abstract_penalty import AbstractPenalty
from keras_transfer.losses.batch_spectral_shrinkage import (
    batch_spectral_shrinkage,
)
from keras_transfer.training.recorded_layers import pooled


@public("finetune")
class BatchSpectralShrinkage(AbstractPenalty):
    """Shrinks the directions of the features that hardly transfer.

    Formula, see `losses.batch_spectral_shrinkage`:

        strength * sum of the k smallest s_i^2

    Pass it to `finetune.add_penalty`. Feature maps are averaged over their
    positions.

    Bad at: large target sets, from which the small directions could be learnt
    anew. With several devices, each takes the values of its own part of the
    batch.

    Args:
        k: Number of singular values.
        strength: Non-negative number.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> penalty = kt.finetune.BatchSpectralShrinkage(strength=0.5)
    >>> features = keras.ops.convert_to_tensor([[3.0, 0.0], [0.0, 2.0]])
    >>> round(float(penalty([features], None)), 4)
    2.0

    Reference:

    - [Chen et al., 2019, Catastrophic Forgetting Meets Negative Transfer:
      Batch Spectral Shrinkage for Safe Transfer Learning, NeurIPS, section
      3](https://proceedings.neurips.cc/paper/2019/hash/c6bff625bdb0393992c9d4db0c6bbe45-Abstract.html)
    """

    def __init__(self, k=1, strength=1e-3, **kwargs):
        if not isinstance(k, int) or k < 1:
            raise invalid_argument("k", k, "a positive integer")
        if not strength >= 0:
            raise invalid_argument("strength", strength, "at least 0")
        # Squares of singular values are nothing for half precision.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.k = k
        self.strength = strength

    def call(self, features, inputs):
        values = [
            batch_spectral_shrinkage(pooled(tensor), self.k)
            for tensor in features
        ]
        return self.strength * keras.ops.sum(keras.ops.stack(values))

    def get_config(self):
        return {
            **super().get_config(),
            "k": self.k,
            "strength": self.strength,
        }
