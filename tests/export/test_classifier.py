"""Scores and classes, and what is added to a model's last layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export.classifier import Classifier

NAMES = ["a", "b", "c"]


def _after(*layers, width=4):
    x = keras.Input((width,))
    for layer in layers:
        x = layer(x)
    return x


def _dense(activation=None, units=3):
    return keras.layers.Dense(units, activation=activation)


def _nested(*layers):
    return keras.Sequential([keras.Input((4,)), *layers])


def _two_headed():
    """A nested model whose second output is the scores."""
    inputs = keras.Input((4,))
    outputs = [_dense("softmax")(inputs), _dense()(inputs)]
    return keras.Model(inputs, outputs)


def _found(output, names=NAMES):
    return Classifier(output, names).activation


# === What "auto" finds


@pytest.mark.parametrize(
    ("layers", "missing"),
    [
        ([_dense], "softmax"),
        ([lambda: _dense("linear")], "softmax"),
        ([lambda: _dense("softmax")], None),
        ([lambda: _dense("sigmoid")], None),
        ([_dense, keras.layers.Softmax], None),
        ([_dense, lambda: keras.layers.Activation("softmax")], None),
        ([lambda: _nested(_dense())], "softmax"),
        ([lambda: _nested(_dense("softmax"))], None),
        ([lambda: _nested(_nested(_dense(), keras.layers.Softmax()))], None),
        # What is cast, dropped out or reshaped is what it was.
        (
            [
                lambda: _dense("softmax"),
                lambda: keras.layers.Activation("linear", dtype="float32"),
            ],
            None,
        ),
        ([_dense, keras.layers.Identity], "softmax"),
        (
            [lambda: _dense("sigmoid"), lambda: keras.layers.Dropout(0.5)],
            None,
        ),
        (
            [
                lambda: keras.layers.Reshape((1, 1, 4)),
                lambda: keras.layers.Conv2D(3, 1),
                keras.layers.Flatten,
            ],
            "softmax",
        ),
        ([lambda: kt.layers.CosineHead(3)], "softmax"),
    ],
)
def test_auto_adds_what_the_last_layer_lacks(layers, missing):
    output = _after(*[make() for make in layers])
    assert _found(output) == missing


def test_auto_looks_at_the_output_that_is_served():
    first, second = _two_headed()(keras.Input((4,)))
    assert _found(first) is None
    assert _found(second) == "softmax"


def test_auto_looks_at_the_call_that_is_served():
    identity = keras.layers.Identity()
    logits, scores = _after(_dense()), _after(_dense("softmax"))
    outputs = identity(logits), identity(scores)
    assert [_found(output) for output in outputs] == ["softmax", None]


def test_fixed_prototypes_return_logits(generator):
    head = kt.layers.PrototypeHead()
    head.adapt(generator.normal(size=(6, 4)), np.array([0, 1, 2] * 2))
    assert _found(_after(head)) == "softmax"


def test_auto_for_a_single_logit():
    assert _found(_after(_dense(units=1)), ["no", "yes"]) == "sigmoid"
    output = _after(_dense("sigmoid", units=1))
    assert _found(output, ["no", "yes"]) is None


class OwnLayer(keras.layers.Layer):
    """Has no config, as layers of users often."""

    def __init__(self, something):
        super().__init__()

    def call(self, inputs):
        return inputs[:, :3]


@pytest.mark.parametrize(
    "last",
    [
        lambda: _dense("relu"),
        lambda: keras.layers.ReLU(),
        lambda: _dense("log_softmax"),
        lambda: OwnLayer(0),
        lambda: keras.ops.tanh,
        lambda: _dense(keras.layers.ReLU()),
    ],
)
def test_auto_does_not_guess(last):
    output = _after(_dense(), last())
    with pytest.raises(ValueError, match="does not tell whether it returns"):
        Classifier(output, NAMES)
    assert Classifier(output, NAMES, "sigmoid").activation == "sigmoid"
    assert Classifier(output, NAMES, None).activation is None


# === What comes out


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_scores_and_classes_are_those_of_numpy(dtype):
    logits = tf.constant([[2, -1, 0.5], [-100, 3, 3.5]], dtype)
    exact = logits.numpy().astype("float64")
    exponents = np.exp(exact - exact.max(1, keepdims=True))
    expected = {
        "softmax": exponents / exponents.sum(1, keepdims=True),
        "sigmoid": 1 / (1 + np.exp(-exact)),
        None: exact,
    }
    for activation, wanted in expected.items():
        classifier = Classifier(_after(_dense()), NAMES, activation)
        scores = tf.function(classifier.scores)(logits)
        assert scores.dtype == tf.float32
        np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-7)
        assert classifier.classes(scores).numpy().tolist() == [b"a", b"c"]


def test_a_single_logit_stands_for_the_second_class():
    logits = tf.constant([[2.0], [-2.0]])
    one = _after(_dense(units=1))
    classifier = Classifier(one, ["no", "yes"])
    high = 1 / (1 + np.exp(-2.0))
    scores = classifier.scores(logits)
    expected = [[1 - high, high], [high, 1 - high]]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert classifier.classes(scores).numpy().tolist() == [b"yes", b"no"]
    plain = Classifier(one, ["no", "yes"], None)
    scores = plain.scores(tf.constant([[0.25]]))
    np.testing.assert_allclose(scores, [[0.75, 0.25]])


def test_names_may_be_of_any_script_and_type():
    given = ["Gänseblümchen", b"rose", 3]
    classifier = Classifier(_after(_dense()), iter(given))
    assert classifier.class_names == ["Gänseblümchen", "rose", "3"]
    found = classifier.classes(tf.eye(3)).numpy()
    assert [name.decode() for name in found] == classifier.class_names


# === Bad input


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "3 names"),
        (["a", "b", "c", "d"], "3 names"),
        ([], "3 names"),
        (["a", "b", "a"], "different names"),
        (["1", "b", 1], "different names"),
        ("abc", "a list of names"),
        (["a", "b", ""], "not empty"),
        (["a", "b", "two\nlines"], "one line"),
        (["a", "b", "two\u2028lines"], "one line"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, message):
    with pytest.raises(ValueError, match=f"`class_names`.*{message}"):
        Classifier(_after(_dense()), names)


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
def test_one_output_needs_two_names(names):
    with pytest.raises(ValueError, match="2 names"):
        Classifier(_after(_dense(units=1)), names)


def test_arguments_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="one of .*'softmax'.*'soft_max'"):
        Classifier(_after(_dense()), NAMES, "soft_max")
    with pytest.raises(ValueError, match="always 1"):
        Classifier(_after(_dense(units=1)), ["a", "b"], "softmax")
    wide = _after(keras.layers.Reshape((2, 2)))
    with pytest.raises(ValueError, match=r"one score per class.*\(None, 2, 2"):
        Classifier(wide, ["a", "b"])
