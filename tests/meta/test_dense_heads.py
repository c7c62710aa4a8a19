"""What heads that end as a `Dense` layer share."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import dense_heads
from keras_transfer.ops.prototypes import ABSENT


@pytest.fixture
def encoder():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def test_padding_becomes_zeros_whatever_it_holds():
    features = np.array([[1.0, 2.0], [np.nan, np.inf]], "float32")
    labels = tf.constant([1, -1])
    rows, targets = dense_heads.valid_rows(features, labels, 3)
    assert rows.dtype == targets.dtype == "float64"
    assert rows.numpy().tolist() == [[1, 2], [0, 0]]
    assert targets.numpy().tolist() == [[0, 1, 0], [0, 0, 0]]


def test_absent_classes_are_out_of_reach():
    targets = np.array([[1.0, 0, 0], [0, 0, 1]])
    logits = dense_heads.without_absent(np.ones((4, 3)), targets)
    assert logits.numpy().tolist() == [[1, ABSENT, 1]] * 4


def test_support_of(encoder, generator):
    x = generator.normal(size=(5, 4)).astype("float32")
    features, labels, classes = dense_heads.support_of(
        encoder, x, np.array([0, 1, 1, 2, 0], "uint8")
    )
    np.testing.assert_allclose(features, encoder(x), rtol=1e-5)
    assert labels.dtype == "int32" and classes == 3


@pytest.mark.parametrize(
    "labels",
    [[0.0, 1.0], [1, 2], [0, 2], [-1, 0], [[0, 1]], [0, 1, 1], []],
)
def test_wrong_supports_are_refused(encoder, labels):
    with pytest.raises(ValueError, match="support"):
        dense_heads.support_of(encoder, np.zeros((2, 4)), np.array(labels))


def test_features_must_be_finite(encoder):
    with pytest.raises(ValueError, match="must be finite"):
        dense_heads.support_of(encoder, np.full((2, 4), np.nan), [0, 1])


def test_plain_model(encoder, generator):
    x = generator.normal(size=(5, 4)).astype("float32")
    kernel = generator.normal(size=(3, 2))
    model = dense_heads.plain_model(encoder, kernel, 0.5)
    np.testing.assert_allclose(
        model(x), encoder(x).numpy() @ kernel + 0.5, rtol=1e-4, atol=1e-5
    )
    assert encoder in model.layers
    assert type(model.layers[-1]) is keras.layers.Dense


def test_plain_model_answers_in_float32_after_a_half_encoder(generator):
    encoder = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, dtype="mixed_bfloat16")]
    )
    model = dense_heads.plain_model(encoder, np.ones((3, 2)), np.zeros(2))
    assert model(np.ones((1, 4))).dtype == "float32"
