"""DELTA: the distance of feature maps, weighted by channel."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.delta import Delta
from keras_transfer.finetune.penalties import add_penalty


def _model():
    inner = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, name="conv"),
            keras.layers.Dropout(0.5),
        ],
        name="backbone",
    )
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Flatten()(inner(inputs))
    x = keras.layers.Dense(4, name="hidden")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


@pytest.fixture
def x(generator):
    return generator.normal(size=(5, 6, 6, 1)).astype("float32")


def _penalty(training, x):
    training(x, training=True)
    return float(training.losses[0])


def _shift(model, generator):
    for weight in model.weights:
        weight.assign(weight + generator.normal(0, 0.3, weight.shape))


def _conv(model):
    return model.get_layer("backbone").get_layer("conv")


WEIGHTS = {"conv": [0.2, 0.5, 0.3], "hidden": [0.1, 0.2, 0.3, 0.4]}


@pytest.mark.parametrize("weighted", [True, False])
def test_value_is_the_printed_sum(generator, x, weighted):
    model = _model()
    weights = WEIGHTS if weighted else None
    delta = Delta(["conv", "hidden"], weights, strength=0.7)
    training = add_penalty(model, delta)
    before = np.array(_conv(model)(x), "float64")
    hidden = keras.Model(model.inputs[0], model.get_layer("hidden").output)
    hidden_before = np.array(hidden(x, training=False), "float64")
    _shift(model, generator)
    # Dropout is off in neither; take the features from where it has not been.
    conv = ((np.array(_conv(model)(x)) - before) ** 2).sum(axis=(1, 2))
    model.get_layer("backbone").layers[-1].rate = 0.0
    hidden_now = np.array(hidden(x, training=False), "float64")
    parts = {"conv": conv, "hidden": (hidden_now - hidden_before) ** 2}
    expected = 0.0
    for name, squares in parts.items():
        width = squares.shape[1]
        w = np.array(WEIGHTS[name]) if weighted else np.full(width, 1 / width)
        expected += (squares * w).sum(axis=1).mean()
    np.testing.assert_allclose(_penalty(training, x), 0.7 * expected, rtol=1e-4)


def test_zero_at_the_start_and_falling(generator, x):
    model = _model()
    training = add_penalty(model, Delta("backbone/conv", strength=1.0))
    assert _penalty(training, x) == 0.0
    _shift(model, generator)
    before = _penalty(training, x)
    training.compile(keras.optimizers.SGD(0.01), lambda y, z: 0.0 * z[:, 0])
    training.fit(x, np.zeros((5, 2)), verbose=0)
    assert 0 < _penalty(training, x) < before


def test_the_reference_is_a_copy_that_stands_still(generator, x):
    model = _model()
    training = add_penalty(model, Delta("conv"))
    start = np.array(_conv(model).kernel)
    training.compile("sgd", "mse")
    training.fit(x, np.ones((5, 2)), verbose=0)
    assert np.abs(np.array(_conv(model).kernel) - start).max() > 0
    reference = training.penalty.reference
    np.testing.assert_array_equal(_conv(reference).kernel, start)
    assert len(training.trainable_weights) == len(model.trainable_weights)


def test_another_model_may_be_the_reference(generator, x):
    model, pretrained = _model(), _model()
    training = add_penalty(model, Delta("conv", reference=pretrained))
    now, before = (np.array(_conv(m)(x)) for m in (model, pretrained))
    expected = 0.01 * ((now - before) ** 2).sum(axis=(1, 2)).mean()
    np.testing.assert_allclose(_penalty(training, x), expected, rtol=1e-4)
    assert pretrained.trainable  # the copy is frozen


def test_file_of_the_training_model(generator, x, tmp_path):
    model = _model()
    training = add_penalty(model, Delta("conv", {"conv": [0.5, 0.5, 0.0]}))
    _shift(model, generator)
    expected = _penalty(training, x)
    assert expected > 0
    training.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(_penalty(loaded, x), expected, rtol=1e-6)
    assert len(loaded.weights) == len(training.weights)
    now, then = (m.penalty.get_config() for m in (loaded, training))
    assert now["channel_weights"] == then["channel_weights"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"layers": []}, "layers"),
        ({"layers": [3]}, "layers"),
        ({"layers": "conv", "strength": -1}, "strength"),
        (
            {"layers": "conv", "channel_weights": {"head": [1]}},
            "channel_weights",
        ),
    ],
    ids=["none", "number", "strength", "weights"],
)
def test_wrong_arguments_are_refused(arguments, named):
    with pytest.raises(ValueError, match=f"`{named}`"):
        Delta(**arguments)


def test_what_does_not_fit_the_model_is_refused(x):
    with pytest.raises(ValueError, match="backbone/conv"):
        add_penalty(_model(), Delta("cnv"))
    training = add_penalty(_model(), Delta("conv", {"conv": [1.0]}))
    with pytest.raises(ValueError, match="3 weights"):
        training(x, training=True)
