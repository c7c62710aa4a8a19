"""The training model: features, losses, and the model inside."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.abstract_penalty import AbstractPenalty
from keras_transfer.finetune.penalized_model import PenalizedModel


@keras.saving.register_keras_serializable("tests")
class Sum(AbstractPenalty):
    """The sum of all features, which tells which they are."""

    def call(self, features, inputs):
        return sum(keras.ops.sum(tensor) for tensor in features)


def _model():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="low")], name="inner"
    )
    inputs = keras.Input((4,))
    x = keras.layers.ReLU(name="relu")(inner(inputs))
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


@pytest.fixture
def x(generator):
    return generator.normal(size=(5, 4)).astype("float32")


def _penalty(training, x):
    training(x, training=True)
    return float(training.losses[0])


def test_default_features_are_the_input_of_the_head(x):
    model = _model()
    features = keras.Model(model.inputs[0], model.get_layer("relu").output)(x)
    training = PenalizedModel(model, Sum())
    np.testing.assert_allclose(
        _penalty(training, x), np.sum(features), rtol=1e-5
    )


def test_named_features_are_outputs_anywhere(x):
    model = _model()
    low = model.get_layer("inner")(x)
    for names, expected in (
        ("low", np.sum(low)),
        (["inner/low", "head"], np.sum(low) + np.sum(model(x))),
    ):
        training = PenalizedModel(model, Sum(), features=names)
        np.testing.assert_allclose(
            _penalty(training, x), expected, rtol=1e-4, atol=1e-4
        )


def test_a_subclassed_model_will_do(x):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.low = keras.layers.Dense(3, name="low")
            self.high = keras.layers.Dense(2, name="high")

        def call(self, inputs):  # without `training`
            return self.high(self.low(inputs))

    model = Own()
    model(x)
    training = PenalizedModel(model, Sum())
    np.testing.assert_allclose(
        _penalty(training, x), np.sum(model.low(x)), rtol=1e-4, atol=1e-4
    )


def test_nothing_is_added_outside_of_training(x):
    model = _model()
    training = PenalizedModel(model, Sum())
    np.testing.assert_array_equal(training(x), model(x))
    assert training.losses == []
    training.compile("sgd", "mse")
    model.compile("sgd", "mse")
    y = np.ones((5, 2))
    np.testing.assert_allclose(
        training.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0)
    )


@pytest.mark.parametrize("arguments", [{}, {"jit_compile": True}], ids=repr)
def test_the_model_learns_in_place_from_both_losses(x, arguments):
    model, twin = _model(), _model()
    twin.set_weights(model.get_weights())
    y = np.ones((5, 2), "float32")
    training = PenalizedModel(model, Sum(), features="head")
    training.compile(keras.optimizers.SGD(0.1), "mse", **arguments)
    training.fit(x, y, verbose=0)
    twin.compile(
        keras.optimizers.SGD(0.1),
        lambda y, z: (
            keras.ops.mean((y - z) ** 2, -1) + 5 * keras.ops.sum(z, -1)
        ),  # of 5 rows the loss takes the mean
    )
    twin.fit(x, y, verbose=0)
    for now, expected in zip(
        model.get_weights(), twin.get_weights(), strict=True
    ):
        np.testing.assert_allclose(now, expected, atol=1e-5)
    assert model.losses == []


def test_dropout_is_on_in_training_and_layers_are_left_alone(x):
    inputs = keras.Input((4,))
    dropped = keras.layers.Dropout(0.5, name="dropout")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2)(dropped))
    training = PenalizedModel(model, Sum(), features="dropout")
    values = {_penalty(training, x) for _ in range(4)}
    assert len(values) > 1
    assert "call" not in model.get_layer("dropout").__dict__


def test_file(x, tmp_path):
    training = PenalizedModel(_model(), Sum(), features="low")
    training.compile("adam", "mse")
    training.fit(x, np.ones((5, 2)), verbose=0)
    training.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), training(x))
    np.testing.assert_allclose(
        _penalty(loaded, x), _penalty(training, x), rtol=1e-6
    )
    assert len(loaded.weights) == len(training.model.weights)


def test_unclear_features_are_refused(x):
    with pytest.raises(ValueError, match="`features`.*inner/low"):
        PenalizedModel(_model(), Sum(), features="lwo")
    inputs = keras.Input((4,))
    shared = keras.layers.Dense(4, name="shared")
    twice = keras.Model(inputs, shared(shared(inputs)))
    training = PenalizedModel(twice, Sum())
    with pytest.raises(ValueError, match="2 calls"):
        training(x, training=True)
    plain = keras.Model(inputs, keras.layers.ReLU()(inputs))
    with pytest.raises(ValueError, match="no dense or convolutional"):
        PenalizedModel(plain, Sum())
