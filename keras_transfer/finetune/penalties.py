"""Penalties of features: how they join the training."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer.finetune import freezing
from keras_transfer.finetune.abstract_penalty import AbstractPenalty
from keras_transfer.finetune.penalized_model import PenalizedModel


def add_penalty(model, penalty, features=None):
    """Makes a model to train in the place of another, with a penalty.

    Compile and fit what is returned; `model` learns in place, and stays a
    plain model that holds nothing of the penalty. It counts in training only:
    `evaluate` and validation give the bare loss.

    Args:
        model: A built `keras.Model`, with the pretrained weights. Freeze what
            is to be frozen before.
        penalty: A `finetune.BatchSpectralShrinkage` or `finetune.Delta`.
        features: Name, path or list of these of layers anywhere in the model,
            whose outputs the penalty is for; by default the input of its last
            dense or convolutional layer. `Delta` names its layers itself.

    Returns:
        A `keras.Model`, uncompiled, with `.model` and `.penalty`.

    Raises:
        ValueError: If a layer is not found.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, name="hidden"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> penalty = kt.finetune.BatchSpectralShrinkage()
    >>> training = kt.finetune.add_penalty(model, penalty, features="hidden")
    >>> training.compile("adam", "mse")
    >>> x, y = np.ones((8, 4)), np.ones((8, 3))
    >>> history = training.fit(x, y, verbose=0)
    >>> model.predict(x, verbose=0).shape
    (8, 3)
    """
    if not isinstance(model, keras.Model):
        raise invalid_argument("model", model, "a keras.Model")
    if not isinstance(penalty, AbstractPenalty):
        raise invalid_argument(
            "penalty", penalty, "a BatchSpectralShrinkage or a Delta"
        )
    freezing.check_built(model)
    return PenalizedModel(model, penalty, features)
