"""What all maps share."""

import keras
import numpy as np
import pytest

from keras_transfer.explain import class_maps
from tests.explain import small_models


def test_maps_are_scaled_by_their_largest_value():
    maps = np.array([[[1.0, 2.0]], [[0.0, 0.0]], [[3e-30, 1e-30]]])
    found = class_maps.scaled(maps)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, [[[0.5, 1.0]], [[0.0, 0.0]], [[1.0, 1 / 3]]], rtol=1e-6
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_maps_are_finite(value):
    with pytest.raises(ValueError, match="NaN or infinite"):
        class_maps.scaled(np.array([[[1.0, value]]]))


def test_the_cut_model_is_the_model():
    _, model = small_models.nested("functional")
    images = small_models.images().astype("float32")
    cut = class_maps.CutModel(model, images)
    np.testing.assert_allclose(
        cut.graph([keras.ops.convert_to_tensor(images)]),
        model.predict(images, verbose=0),
        atol=1e-5,
    )
    assert cut.seen.path == "backbone/second"
    assert cut.maps.output.shape == (None, None, None, 6)


def test_a_score_is_the_logit_of_each_row():
    score = class_maps.class_score(np.array([1, 0]))
    logits = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    np.testing.assert_array_equal(score(logits), [2.0, 3.0])
