"""Exchanges the batch norms of a pretrained model."""

import keras

from keras_transfer.finetune import freezing
from keras_transfer.layers.stochastic_normalization import (
    StochasticNormalization,
)


def replace_batch_norm(model, probability=0.5, seed=None):
    """A copy of a model with `layers.StochasticNormalization` for batch norm.

    Names and weights stay. So do subclasses of batch norm.

    Bad at: models whose batch norms are frozen, in which nothing changes: see
    `finetune.unfreeze(model, batch_norm=True)`.

    Args:
        model: A built Functional or Sequential `keras.Model`. Models inside
            it are searched too.
        probability: See `layers.StochasticNormalization`.
        seed: Optional integer.

    Returns:
        A new, uncompiled `keras.Model` with weights of its own.

    Raises:
        ValueError: If a batch norm uses what is not supported, as `renorm`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [keras.Input((4,)), keras.layers.BatchNormalization(name="norm")]
    ... )
    >>> new = kt.finetune.replace_batch_norm(model)
    >>> type(new.get_layer("norm")).__name__
    'StochasticNormalization'

    Reference:

    - [Kou et al., 2020, Stochastic Normalization, NeurIPS, algorithm
      1](https://proceedings.neurips.cc/paper/2020/hash/bc573864331a9e42e4511de6f678aa83-Abstract.html)
    """
    freezing.check_built(model)
    count = 0

    def exchanged(layer):
        nonlocal count
        config = layer.get_config()
        if type(layer) is not keras.layers.BatchNormalization:
            return type(layer).from_config(config)
        count += 1
        config["probability"] = probability
        config["seed"] = None if seed is None else seed + count
        return StochasticNormalization(**config)

    new = keras.models.clone_model(
        model, clone_function=exchanged, recursive=True
    )
    new.set_weights(model.get_weights())
    return new
