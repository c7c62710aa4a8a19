"""Encoders are checked, run on episodes and given a head."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_transfer.meta import encoders
from tests.meta import small_episodes as small


@keras.saving.register_keras_serializable("tests_meta")
class Subclassed(keras.Model):
    """A model without a graph of layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)
        self.norm = layers.BatchNormalization(momentum=0.9)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.norm.build((None, 4))

    def call(self, inputs, training=None):
        return self.norm(self.dense(inputs), training=training)


def functional():
    inputs = keras.Input((small.WIDTH,))
    x = layers.BatchNormalization(momentum=0.9)(layers.Dense(4)(inputs))
    return keras.Model(inputs, x)


def two_inputs(nest=dict):
    """A model of two inputs, by name or in a list."""
    one, two = keras.Input((3,), name="one"), keras.Input((2,), name="two")
    x = layers.Concatenate()([one, two])
    x = layers.BatchNormalization(momentum=0.9)(layers.Dense(4)(x))
    inputs = {"one": one, "two": two} if nest is dict else [one, two]
    return keras.Model(inputs, x)


def subclassed():
    model = Subclassed()
    model.build((None, small.WIDTH))
    return model


def split(x, nest=dict):
    """The columns as the two inputs."""
    parts = {"one": x[..., :3], "two": x[..., 3:]}
    return parts if nest is dict else list(parts.values())


#: Name, a function that makes an encoder, one that makes its inputs.
KINDS = {
    "sequential": (small.encoder, lambda x: x),
    "functional": (functional, lambda x: x),
    "subclassed": (subclassed, lambda x: x),
    "dict": (two_inputs, split),
    "list": (lambda: two_inputs(list), lambda x: split(x, list)),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


# === Checks ===


@each_kind
def test_encoders_pass(kind):
    encoders.check(KINDS[kind][0]())


def test_maps_of_features_pass():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)])
    encoders.check(model, rank=4)
    with pytest.raises(ValueError, match=r"\(batch, width\).*\(None, 6, 6, 2"):
        encoders.check(model)


def _model(outputs, width=5):
    inputs = keras.Input((width,))
    return keras.Model(inputs, outputs(inputs))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: layers.Dense(3), "`encoder`.*a keras.Model"),
        (lambda: keras.Sequential([layers.Dense(3)]), "is not built"),
        (Subclassed, "is not built"),
        (lambda: _model(lambda x: [x, x]), "one output"),
        (lambda: _model(lambda x: {"a": layers.ReLU()(x)}), "one output.*'a'"),
        (lambda: _model(lambda x: [layers.ReLU()(x)]), r"one output.*\[\(None"),
        (lambda: _model(layers.ReLU(), None), r"width\).*\(None, None\)"),
        (lambda: _model(layers.Reshape((5, 1))), r"\(None, 5, 1\)"),
    ],
)
def test_other_encoders_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        encoders.check(make())


def test_only_graphs_have_a_graph():
    found = {kind: encoders.has_graph(KINDS[kind][0]()) for kind in KINDS}
    assert found == {kind: kind != "subclassed" for kind in KINDS}


# === Features ===


@pytest.fixture
def rows(generator):
    support = generator.normal(size=(2, 6, small.WIDTH)).astype("float32")
    query = generator.normal(size=(2, 3, small.WIDTH)).astype("float32")
    return support, query


@each_kind
def test_features_are_those_of_each_example(kind, rows):
    make, inputs = KINDS[kind]
    encoder = make()
    found = encoders.embed_together(encoder, *map(inputs, rows), False)
    for features, part in zip(found, rows, strict=True):
        for task in range(2):
            np.testing.assert_allclose(
                features[task], encoder(inputs(part[task])), atol=1e-6
            )


def test_batch_norm_takes_all_rows_together_in_training(rows):
    encoder = functional()
    found = encoders.embed_together(encoder, *rows, True)
    features = np.concatenate([part.numpy().reshape(-1, 4) for part in found])
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=0.05)


def test_strings_and_layers_that_forget_the_number_of_rows():
    """`TextVectorization` does; the number of classes hangs on it."""
    words = layers.TextVectorization(output_mode="multi_hot")
    words.adapt(np.array(["a b c d"]))
    inputs = keras.Input((), dtype="string")
    encoder = keras.Model(inputs, layers.Dense(3)(words(inputs)))
    shapes = []

    @tf.function
    def run(support, query):
        found = encoders.embed_together(encoder, support, query, False)
        shapes.append([part.shape.as_list() for part in found])
        return found

    support = tf.constant([["a b", "c"], ["d", "a"]])
    found = run(support, tf.constant([["b a"], ["c"]]))
    assert shapes == [[[2, 2, 3], [2, 1, 3]]]
    np.testing.assert_allclose(found[0][0, 0], found[1][0, 0], atol=1e-6)
    np.testing.assert_allclose(found[0][0, 1], found[1][1, 0], atol=1e-6)


def test_an_unknown_number_of_tasks_and_rows(rows):
    encoder = functional()
    spec = tf.TensorSpec((None, None, small.WIDTH))

    @tf.function(input_signature=[spec, spec])
    def run(support, query):
        return encoders.embed_together(encoder, support, query, False)

    expected = encoders.embed_together(encoder, *rows, False)
    for one, other in zip(run(*rows), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


# === With a head ===


@each_kind
def test_with_a_head_it_is_a_plain_model(kind, rows, tmp_path):
    make, inputs = KINDS[kind]
    encoder = make()
    head = layers.Dense(2)
    model = encoders.with_head(encoder, head)
    x = inputs(rows[0][0])
    expected = head(encoder(x))
    np.testing.assert_allclose(model(x), expected, atol=1e-6)
    assert any(layer is encoder for layer in model.layers)
    assert model.layers[-1] is head
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x), expected, atol=1e-6)
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), expected, atol=1e-6
    )


@pytest.mark.parametrize("chain", [True, False])
def test_strings_with_a_head(chain):
    """Keras would make floats of the inputs of a chain of models."""
    words = layers.TextVectorization(output_mode="multi_hot")
    words.adapt(np.array(["a b c d"]))
    inputs = keras.Input((), dtype="string", name="text")
    dense = layers.Dense(3)
    if chain:
        encoder = keras.Sequential([inputs, words, dense])
    else:
        encoder = keras.Model(inputs, dense(words(inputs)))
    model = encoders.with_head(encoder, layers.Dense(2))
    text = np.array(["a b", "c", "a"], object)
    assert model.predict(text, verbose=0).shape == (3, 2)
