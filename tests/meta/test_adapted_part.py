"""Which variables are adapted, and which cannot be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_transfer as kt
from keras_transfer.meta import adapted_part
from tests.meta import small_maml
from tests.meta.small_maml import new_maml
from tests.zoo import saved_models


def _model():
    body = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="first"),
            layers.BatchNormalization(name="batch_normalization_7"),
        ],
        name="body",
    )
    inputs = keras.Input((4,))
    x = layers.Dense(3, name="second")(body(inputs))
    x = layers.Dense(2, name="head")(x)
    return keras.Model(inputs, layers.Activation("tanh")(x))


@pytest.mark.parametrize(
    "which, expected",
    [
        (
            "all",
            "first first batch_normalization_7 batch_normalization_7 "
            "second second head head",
        ),
        ("head", "head head"),
        ("body", "first first batch_normalization_7 batch_normalization_7"),
        ("*kernel", "first second head"),
        (["first", "he*"], "first first head head"),
        ("!*batch_normalization*", "first first second second head head"),
        (["body", "!first"], "batch_normalization_7 batch_normalization_7"),
        (["*", "!*bias", "!*beta"], "first batch_normalization_7 second head"),
    ],
)
def test_which_variables(which, expected):
    found = adapted_part.adapted_variables(_model(), which)
    assert [v.path.split("/")[-2] for v in found] == expected.split()


def test_other_variables_stay_in_the_inner_loop(generator):
    model = _model()
    maml = kt.meta.MAML(model, adapt="head")
    x = generator.normal(size=(4, 4)).astype("float32")
    adapted = maml.adapt(x, np.array([0, 0, 1, 1]))
    changed = [
        not np.array_equal(before, after)
        for before, after in zip(
            model.trainable_variables, adapted.trainable_variables, strict=True
        )
    ]
    assert changed == [False] * 6 + [True] * 2


@pytest.mark.parametrize(
    "which, message",
    [
        ("haed", "Did you mean 'head"),
        (["head", "!no_such"], "no_such"),
        (["head", "!head"], "leave something"),
        ([], "a list of patterns"),
        (3, "a list of patterns"),
    ],
)
def test_patterns_that_fit_nothing(which, message):
    with pytest.raises(ValueError, match=message):
        adapted_part.adapted_variables(_model(), which)


def test_a_graph_without_a_head():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.EinsumDense("ab,bc->ac", 2)(inputs))
    assert adapted_part.head_of(model) is model.layers[-1]
    model = keras.Model(inputs, layers.LayerNormalization()(inputs))
    with pytest.raises(ValueError, match="no dense or convolutional"):
        adapted_part.head_of(model)


# === Finished graphs ===


@pytest.fixture
def backbone(tmp_path):
    saved_models.image_encoder(tmp_path / "saved")
    return kt.zoo.HubBackbone(str(tmp_path / "saved"), trainable=True)


def _on_top(backbone):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, layers.Dense(small_maml.WAYS)(backbone(inputs)))


def _episodes(generator):
    x = {
        part: tf.constant(generator.uniform(size=(2, 6, 8, 8, 3)), "float32")
        for part in ("support", "query")
    }
    labels = tf.constant(np.tile([0, 0, 1, 1, 2, 2], (2, 1)), "int32")
    return x, {"support": labels, "query": labels}


def test_a_finished_graph_cannot_be_adapted(backbone):
    model = _on_top(backbone)
    for which in ("all", "*kernel", backbone.name):
        with pytest.raises(ValueError, match="finished graph.*adapt="):
            kt.meta.MAML(model, adapt=which)
    kt.meta.MAML(model, adapt="head")
    kt.meta.MAML(model, adapt=f"!{backbone.name}")
    backbone.trainable = False
    kt.meta.MAML(model)


def test_it_learns_in_the_outer_loop(backbone, generator):
    """By the gradient that differences of the loss give."""
    maml = new_maml(_on_top(backbone), adapt="head", inner_steps=2)
    x, y = _episodes(generator)
    variables = maml.trainable_variables

    def loss():
        return float(small_maml.result(maml, x, y).loss)

    gradients = small_maml.result(maml, x, y).gradients
    assert len(gradients) == 5
    kernel, gradient = variables[0], gradients[0]
    before = np.array(kernel)
    # Along the gradient itself, where float32 has digits enough. The graph
    # has an L2 loss of its own, which its layer adds.
    step = 0.01 * gradient / np.linalg.norm(gradient)
    kernel.assign(before + step)
    ahead = loss()
    kernel.assign(before - step)
    behind = loss()
    kernel.assign(before)
    np.testing.assert_allclose(
        (ahead - behind) / 0.02, np.linalg.norm(gradient), rtol=2e-2
    )
    statistics = np.array(backbone.non_trainable_variables[0])
    maml.train_on_batch(x, y)
    assert not np.array_equal(before, kernel)
    moved = np.array(backbone.non_trainable_variables[0])
    assert not np.array_equal(statistics, moved)
