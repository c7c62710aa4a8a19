"""Labels and probabilities, in the forms that models give them."""

import keras
import numpy as np
import pytest

from keras_transfer.explain import predictions


def test_logits_become_what_keras_makes_of_them(generator):
    logits = 3 * generator.normal(size=(6, 4)).astype("float32")
    expected = keras.ops.softmax(logits)
    found = predictions.probabilities_of(logits)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == "float64"
    # Probabilities stay what they are.
    np.testing.assert_allclose(
        predictions.probabilities_of(expected), expected, atol=1e-6
    )


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_column_is_of_the_second_class(shape):
    found = predictions.probabilities_of(np.reshape([0.0, 0.25, 1.0], shape))
    np.testing.assert_allclose(found, [[1, 0], [0.75, 0.25], [0, 1]])
    logits = np.reshape([-1.0, 0.0, 2.0], shape)
    found = predictions.probabilities_of(logits)
    np.testing.assert_allclose(
        found[:, 1], 1 / (1 + np.exp(-logits.reshape(-1)))
    )


def test_labels_and_probabilities_are_checked():
    labels, rows = predictions.labelled(np.array([[1], [0]]), [0.5, 0.25])
    assert labels.tolist() == [1, 0]
    assert rows.tolist() == [[0.5, 0.5], [0.75, 0.25]]
    for bad_labels, bad_rows, message in (
        ([0, 1], [[0.5, 0.5]], "one label for each row"),
        ([2], [[0.5, 0.5]], "integers from 0 to 1"),
        ([-1], [[0.5, 0.5]], "integers from 0 to 1"),
        ([0.0], [[0.5, 0.5]], "class numbers of shape"),
        ([0], [[2.0, -1.0]], "apply softmax to logits first"),
        ([0], [[np.nan, 1.0]], "NaN or infinite"),
    ):
        with pytest.raises(ValueError, match=message):
            predictions.labelled(np.array(bad_labels), bad_rows)
