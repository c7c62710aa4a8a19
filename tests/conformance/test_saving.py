"""Every object comes back from a file as it went in, to the last bit."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conformance.descriptors import of_kind
from tests.helpers import to_numpy


def _observe(model, inputs):
    """Outputs, and the losses that layers add on the way."""
    outputs = model(list(inputs) if len(inputs) > 1 else inputs[0])
    return [to_numpy(x) for x in [outputs, *model.losses]]


def _disturb(model, generator):
    """Weights that differ from those of a new model."""
    for variable in model.weights:
        if variable.dtype == "float32":
            noise = generator.uniform(0.1, 0.4, size=variable.shape)
            variable.assign(variable + noise)


def _reloaded(model, folder):
    path = folder / "model.keras"
    model.save(path)
    # A file with a SavedModel in it is refused otherwise: tests/zoo.
    return keras.models.load_model(path, safe_mode=False)


def _assert_served_equals(model, inputs, folder):
    inputs = list(inputs) if len(inputs) > 1 else inputs[0]
    model.export(str(folder), verbose=False)
    served = tf.saved_model.load(str(folder))
    # Both are graphs: an eager call rounds otherwise where kernels are fused.
    expected = tf.function(model)(inputs, training=False)
    outputs = served.serve(tf.nest.map_structure(tf.constant, inputs))
    np.testing.assert_array_equal(expected.numpy(), outputs.numpy())


@of_kind("layer", "term", "schedule")
def test_keras_file(descriptor, tmp_path, generator):
    model = descriptor.model(descriptor.create())
    _disturb(model, generator)
    inputs = descriptor.inputs
    if descriptor.kind == "schedule":
        inputs = (generator.normal(size=(2, 3)).astype("float32"),)
    expected = _observe(model, inputs)
    if descriptor.kind == "term":
        assert len(expected) == 2  # the term's value is among them
    loaded = _reloaded(model, tmp_path)
    for before, after in zip(expected, _observe(loaded, inputs), strict=True):
        np.testing.assert_array_equal(before, after)
    for before, after in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(before), to_numpy(after))


@of_kind("loss")
def test_keras_file_of_a_model_compiled_with_it(
    descriptor, tmp_path, generator
):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    model.compile("sgd", loss=descriptor.create())
    y, x = (array[:5] for array in descriptor.inputs)
    expected = model.evaluate(x, y, verbose=0)
    loaded = _reloaded(model, tmp_path)
    configs = [json.dumps(m.loss.get_config()) for m in (model, loaded)]
    assert configs[0] == configs[1]  # as text: a file has no tuples
    assert loaded.evaluate(x, y, verbose=0) == expected


@of_kind("learning_rate")
def test_keras_file_of_an_optimizer_with_it(descriptor, tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(descriptor.create()), "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 1)), batch_size=2, verbose=0)
    loaded = _reloaded(model, tmp_path)
    rates = [float(m.optimizer.learning_rate) for m in (model, loaded)]
    assert rates[0] == rates[1]
    assert 0 < rates[0] < 0.02


@of_kind("trainer")
def test_keras_file_of_a_trainer(descriptor, tmp_path, generator):
    trainer = descriptor.create()
    _disturb(trainer, generator)
    expected = _observe(trainer, descriptor.inputs)
    loaded = _reloaded(trainer, tmp_path)
    np.testing.assert_array_equal(
        expected[0], _observe(loaded, descriptor.inputs)[0]
    )
    assert len(trainer.weights) == len(loaded.weights)
    for before, after in zip(trainer.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(to_numpy(before), to_numpy(after))


@of_kind("layer", "term")
def test_saved_model(descriptor, tmp_path, generator):
    model = descriptor.model(descriptor.create())
    _disturb(model, generator)
    _assert_served_equals(model, descriptor.inputs, tmp_path)


@of_kind("trainer")
def test_saved_model_of_the_plain_model(descriptor, tmp_path, generator):
    trainer = descriptor.create()
    _disturb(trainer, generator)
    model = getattr(trainer, "model", None) or trainer.encoder
    inputs = descriptor.plain_inputs or descriptor.inputs
    _assert_served_equals(model, inputs, tmp_path)


def test_disturbed_weights_differ(generator):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
    before = model.get_weights()
    _disturb(model, generator)
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(before[0], model.get_weights()[0])
