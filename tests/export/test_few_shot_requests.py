"""Episodes that an export is tried with; bad ones are in test_few_shot.py."""

import keras
import pytest

from keras_transfer.export import few_shot_requests
from keras_transfer.export.served_model import ServedModel


@pytest.mark.parametrize(
    ("shape", "dtype", "low", "high"),
    [((3,), "float32", 0, 1), ((8, 8, 3), "uint8", 100, 255)],
)
def test_episodes_to_try_are_of_the_encoder_s_inputs(shape, dtype, low, high):
    inputs = keras.Input(shape, dtype=dtype)
    served = ServedModel(keras.Model(inputs, keras.layers.Flatten()(inputs)))
    rows = few_shot_requests.examples(served, 5, None)
    assert rows["support"].shape == (3, 6, *shape)
    assert rows["query"].shape == (3, 2, *shape)
    assert rows["support"].dtype == dtype
    assert low <= rows["query"].max() <= high
    assert rows["support_labels"].tolist() == [[0, 0, 1, 1, 2, 2]] * 3
