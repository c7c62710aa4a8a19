"""A model as a function of its weights is the model."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_transfer.meta.fast_model import FastModel
from tests.meta import small_models


def _nested():
    body = keras.Sequential(
        [
            keras.Input((7, 7, 2)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
        ]
    )
    inputs = {key: keras.Input((7, 7, 2), name=key) for key in ("a", "b")}
    # The body is shared between both inputs.
    both = layers.Concatenate()([body(inputs["a"]), body(inputs["b"])])
    return keras.Model(inputs, layers.Dense(3)(layers.Dropout(0.5)(both)))


def _subclassed():
    model = small_models.Subclassed()
    model(np.zeros((1, 7, 7, 2), "float32"))
    return model


MODELS = {
    "functional": lambda: small_models.convolutional("float32", dropout=0.5),
    "nested_shared_dict": _nested,
    "subclassed": _subclassed,
}


def _inputs(kind, generator, rows=5):
    x = small_models.images(rows, generator, "float32")
    return {"a": x, "b": x[::-1].copy()} if "dict" in kind else x


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("training", [True, False])
def test_a_pass_is_that_of_stateless_call(kind, training, generator):
    model = MODELS[kind]()
    fast, x = FastModel(model), _inputs(kind, generator)
    before = small_models.as_arrays(model.variables)
    outputs, state, losses = fast.run(
        fast.weights(), fast.state_values(), x, training
    )
    expected, expected_state = model.stateless_call(
        fast.weights(), fast.state_values(), x, training=training
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    for ours, stock in zip(state, expected_state, strict=True):
        np.testing.assert_allclose(ours, stock, rtol=1e-5, atol=1e-6)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert losses == []


@pytest.mark.parametrize("kind", MODELS)
def test_other_weights_give_other_outputs_and_gradients(kind, generator):
    model = MODELS[kind]()
    fast, x = FastModel(model), _inputs(kind, generator)
    weights = [w + 0.1 for w in fast.weights()]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        outputs, _, _ = fast.run(weights, fast.state_values(), x, True)
        loss = tf.reduce_sum(outputs**2)
    gradients = tape.gradient(loss, weights)
    assert all(gradient is not None for gradient in gradients)
    plain, _, _ = fast.run(fast.weights(), fast.state_values(), x, True)
    assert not np.allclose(outputs, plain)


def test_the_state_carries_the_masks_of_dropout(generator):
    model = small_models.convolutional("float32", dropout=0.5)
    fast, x = FastModel(model), _inputs("functional", generator)
    weights, state = fast.weights(), fast.state_values()
    first, state, _ = fast.run(weights, state, x, True, batch_norm=False)
    second, state, _ = fast.run(weights, state, x, True, batch_norm=False)
    again, _, _ = fast.run(weights, fast.state_values(), x, True, False)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("kind", MODELS)
def test_a_pass_from_zero_gives_exact_moments(kind, generator):
    """Also where a layer is used twice: normalised by what both add."""
    model = MODELS[kind]()
    for layer in model._flatten_layers():
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(np.full(4, 7.0))
    fast, x = FastModel(model), _inputs(kind, generator)
    state = fast.state_values()
    _, moved, kept = fast.run_from_zero(fast.weights(), state, x, False)
    assert len(kept) == 2
    _, usual, _ = fast.run(fast.weights(), state, x, False, batch_norm=True)
    for position, share in kept.items():
        np.testing.assert_allclose(
            state[position] * share + moved[position],
            usual[position],
            rtol=1e-5,
        )
    times = 2 if "shared" in kind else 1
    momentum = 0.99 if "shared" in kind else 0.9
    assert set(kept.values()) == {momentum**times}


def test_losses_are_those_that_layers_add(generator):
    inputs = keras.Input((4,))
    x = layers.Dense(3, kernel_regularizer="l2")(inputs)
    x = layers.ActivityRegularization(l1=0.5)(x)
    model = keras.Model(inputs, x)
    fast, rows = FastModel(model), generator.normal(size=(5, 4))
    outputs, _, losses = fast.run(fast.weights(), [], rows, True)
    assert len(losses) == 1
    # Keras divides what an activity costs by the rows.
    expected = 0.5 * np.abs(outputs).sum() / 5
    np.testing.assert_allclose(losses[0], expected, rtol=1e-5)


def test_output_dtypes():
    fast = FastModel(_nested())
    spec = tf.TensorSpec((None, 7, 7, 2), "float32")
    assert fast.output_dtypes({"a": spec, "b": spec}) == tf.float32
