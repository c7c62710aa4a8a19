"""The fused kernel and Keras' own batch norm are one function."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.training.fused_batch_norm import fused_batch_norm
from tests.helpers import to_numpy


def _model(**arguments):
    return keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            keras.layers.Conv2D(3, 3),
            keras.layers.BatchNormalization(**arguments),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )


def _step(model, x):
    """Outputs, gradients and statistics after a pass."""
    with tf.GradientTape() as tape:
        outputs = model(x, training=True)
        value = tf.reduce_sum(outputs**3)
    gradients = tape.gradient(value, model.trainable_variables)
    state = [to_numpy(v) for v in model.non_trainable_variables]
    return [to_numpy(outputs), *map(to_numpy, gradients), *state]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"scale": False, "momentum": 0.5},
        {"center": False, "epsilon": 0.1},
        {"epsilon": 1e-6},  # which the kernel refuses
        {"axis": 1},
    ],
)
def test_outputs_gradients_and_statistics_are_those_of_keras(
    arguments, generator
):
    model = _model(**arguments)
    start = model.get_weights()
    x = generator.normal(2.0, 3.0, (4, 6, 5, 2)).astype("float32")
    expected = _step(model, x)
    model.set_weights(start)
    with fused_batch_norm(model):
        found = _step(model, x)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


def test_the_kernel_is_used_in_training_only(generator):
    model = _model()
    x = tf.constant(generator.normal(size=(4, 6, 5, 2)), tf.float32)

    def operations(training):
        @tf.function
        def run(x):
            with fused_batch_norm(model):
                return model(x, training=training)

        graph = run.get_concrete_function(x).graph
        return [op.type for op in graph.get_operations()]

    assert operations(True).count("FusedBatchNormV3") == 1
    assert "FusedBatchNormV3" not in operations(False)
    model.layers[1].trainable = False
    assert "FusedBatchNormV3" not in operations(True)


def test_layers_are_left_as_they_were(generator):
    model = _model()
    layer = model.layers[1]
    with fused_batch_norm(model), fused_batch_norm(model):
        assert "call" in layer.__dict__
    assert "call" not in layer.__dict__
    with pytest.raises(RuntimeError), fused_batch_norm(model):
        raise RuntimeError
    assert "call" not in layer.__dict__


def test_half_precision(generator):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = _model()
    x = generator.normal(size=(4, 6, 5, 2)).astype("float32")
    with fused_batch_norm(model):
        outputs, *_ = _step(model, x)
    assert np.isfinite(outputs.astype("float32")).all()
