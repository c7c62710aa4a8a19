"""What a classifier comes to."""

import keras
import numpy as np

from keras_transfer.cli import scores


def test_probabilities_are_the_softmax_of_logits():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    rows = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    logits = rows @ model.layers[0].kernel.numpy()
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = scores.probabilities(model, rows, batch_size=2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_accuracy_is_the_share_of_right_rows():
    rows = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    assert scores.accuracy(rows, np.array([0, 1, 1, 1])) == 0.75
