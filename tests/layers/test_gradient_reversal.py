import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers

pytestmark = pytest.mark.any_backend


def _gradient(layer, x, **kwargs):
    return helpers.gradients(lambda x: keras.ops.sum(layer(x, **kwargs)), x)[0]


def test_forward_is_exact(generator):
    x = generator.normal(size=(20, 3)).astype("float32")
    value = helpers.to_numpy(kt.layers.GradientReversal(0.3)(x))
    np.testing.assert_array_equal(value, x)


@pytest.mark.parametrize("strength", [0, 0.3, 1.0, 2])
def test_gradient_is_minus_the_strength(strength, generator):
    x = generator.normal(size=(5, 3)).astype("float32")
    found = _gradient(kt.layers.GradientReversal(strength), x)
    np.testing.assert_array_equal(found, np.full((5, 3), -np.float32(strength)))


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
def test_a_schedule_follows_the_progress(progress):
    layer = kt.layers.GradientReversal(kt.schedules.LinearRamp(0.0, 2.0))
    found = _gradient(layer, np.ones((2, 2), "float32"), progress=progress)
    np.testing.assert_allclose(found, -2.0 * progress)


def test_without_progress_a_schedule_stands_at_its_end():
    layer = kt.layers.GradientReversal(kt.schedules.LinearRamp(0.0, 2.0))
    found = _gradient(layer, np.ones((2, 2), "float32"))
    np.testing.assert_allclose(found, -2.0)


def test_masks_pass():
    sequence = np.array([[1, 0], [2, 3]])
    model = keras.Sequential(
        [
            keras.layers.Embedding(5, 3, mask_zero=True),
            kt.layers.GradientReversal(0.5),
            keras.layers.GlobalAveragePooling1D(),
        ]
    )
    first = helpers.to_numpy(model.layers[0](sequence))[0, 0]
    np.testing.assert_allclose(model(sequence)[0], first, rtol=1e-6)


@pytest.mark.parametrize("strength", ["strong", None, [0.1]])
def test_something_that_is_no_strength_is_refused(strength):
    with pytest.raises(ValueError, match="`strength`.*number or a schedule"):
        kt.layers.GradientReversal(strength)
