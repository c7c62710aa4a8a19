"""Batch norm of its own for each inner step."""

import numpy as np
from keras import layers

from keras_transfer.meta.fast_model import FastModel
from keras_transfer.meta.step_variables import StepVariables
from tests.meta import small_models


def _norm(model):
    return next(
        layer
        for layer in model.layers
        if isinstance(layer, layers.BatchNormalization)
    )


def test_the_first_step_has_the_models_own():
    model = small_models.convolutional("float32")
    gamma = _norm(model).gamma
    gamma.assign(np.arange(4.0))
    own = StepVariables(FastModel(model), steps=3)
    assert own.of(gamma, 0) is gamma
    assert own.of(gamma, 1) is not own.of(gamma, 2)
    assert own.of(gamma, 7) is own.of(gamma, 2)
    np.testing.assert_array_equal(own.of(gamma, 2), np.arange(4.0))
    kernel = model.trainable_variables[0]
    assert own.of(kernel, 2) is kernel
    assert own.has(gamma) and not own.has(kernel)
    assert len(own.trainable_variables) == 4
    assert len(own.non_trainable_variables) == 4


def test_a_single_step_needs_no_copies():
    model = small_models.convolutional("float32")
    own = StepVariables(FastModel(model), steps=1)
    gamma = _norm(model).gamma
    assert own.of(gamma, 3) is gamma
    assert not own.variables


def test_a_frozen_layer_has_frozen_copies():
    model = small_models.convolutional("float32")
    _norm(model).trainable = False
    own = StepVariables(FastModel(model), steps=2)
    assert not own.trainable_variables
    assert len(own.non_trainable_variables) == 4
