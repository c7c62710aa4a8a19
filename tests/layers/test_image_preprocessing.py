"""Pixels into the range of a network: formula, channels, resizing."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests.helpers import gradients
from tests.helpers import to_numpy

pytestmark = pytest.mark.any_backend

SETTINGS = {
    "unit": {},
    "tf": {"value_range": (-1.0, 1.0)},
    "torch": {"mean": (0.485, 0.456, 0.406), "deviation": (0.2, 0.3, 0.4)},
    "caffe": {
        "value_range": (0.0, 255.0),
        "mean": (103.9, 116.8, 123.7),
        "channel_order": "BGR",
    },
    "grey": {"channel_order": "L", "mean": (0.1,), "deviation": (0.3,)},
}
each_setting = pytest.mark.parametrize("name", SETTINGS)


def _twin(x, value_range=(0, 1), mean=0, deviation=1, channel_order="RGB"):
    """The formula of the docstring, in NumPy."""
    x = x.astype("float64")
    if channel_order == "BGR":
        x = x[..., ::-1]
    if channel_order == "L":
        x = (x @ [0.299, 0.587, 0.114])[..., None]
    low, high = value_range
    y = low + x / 255 * (high - low)
    return (y - np.array(mean)) / np.array(deviation)


@pytest.fixture
def pixels(generator):
    return generator.integers(0, 256, (2, 5, 7, 3), dtype="uint8")


@each_setting
def test_formula(pixels, name):
    layer = kt.layers.ImagePreprocessing(**SETTINGS[name])
    np.testing.assert_allclose(
        to_numpy(layer(pixels)), _twin(pixels, **SETTINGS[name]), atol=2e-5
    )


@each_setting
def test_dtypes_of_pixels_do_not_matter(pixels, name):
    layer = kt.layers.ImagePreprocessing(**SETTINGS[name])
    np.testing.assert_array_equal(
        to_numpy(layer(pixels)), to_numpy(layer(pixels.astype("float32")))
    )


@each_setting
def test_brighter_pixels_give_larger_values(pixels, name):
    layer = kt.layers.ImagePreprocessing((3, 3), **SETTINGS[name])
    (found,) = gradients(
        lambda x: keras.ops.sum(layer(x)), pixels.astype("float32")
    )
    assert (found >= 0).all() and found.sum() > 0


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("crop", [False, True])
def test_resizes_as_keras_does(pixels, interpolation, crop):
    rules = {"interpolation": interpolation, "crop_to_aspect_ratio": crop}
    layer = kt.layers.ImagePreprocessing((4, 4), (0, 255), **rules)
    resizing = keras.layers.Resizing(4, 4, data_format="channels_last", **rules)
    expected = to_numpy(resizing(pixels.astype("float32")))
    np.testing.assert_allclose(to_numpy(layer(pixels)), expected, atol=1e-3)


def test_the_right_size_is_left_as_it_is(pixels):
    layer = kt.layers.ImagePreprocessing((5, 7), (0, 255))
    np.testing.assert_array_equal(to_numpy(layer(pixels)), pixels)


def test_free_sizes_come_out_fixed(pixels):
    inputs = keras.Input((None, None, 3))
    layer = kt.layers.ImagePreprocessing((4, 6))
    assert layer(inputs).shape == (None, 4, 6, 3)
    model = keras.Model(inputs, layer(inputs))
    assert model(pixels).shape == (2, 4, 6, 3)
    assert kt.layers.ImagePreprocessing()(inputs).shape == (None, None, None, 3)


def test_grey_images_have_one_channel_already(pixels):
    layer = kt.layers.ImagePreprocessing(channel_order="L")
    grey = pixels[..., :1]
    np.testing.assert_allclose(to_numpy(layer(grey)), grey / 255.0, atol=1e-6)
    assert layer(keras.Input((5, 7, 1))).shape == (None, 5, 7, 1)


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_is_of_the_result_only(pixels, half):
    # An image between two halves: cast first, it would come out otherwise.
    x = pixels.astype("float32") + 0.3
    exact = to_numpy(kt.layers.ImagePreprocessing(mean=(0.5,) * 3)(x))
    layer = kt.layers.ImagePreprocessing(mean=(0.5,) * 3, dtype=f"mixed_{half}")
    rounded = keras.ops.cast(keras.ops.convert_to_tensor(exact), half)
    np.testing.assert_array_equal(
        to_numpy(keras.ops.cast(layer(x), "float32")),
        to_numpy(keras.ops.cast(rounded, "float32")),
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"channel_order": "GBR"}, "channel_order"),
        ({"interpolation": "linear"}, "interpolation"),
        ({"size": 224}, "size"),
        ({"size": (0, 3)}, "size"),
        ({"value_range": (1, 0)}, "value_range"),
        ({"mean": (0.5,)}, "mean"),
        ({"deviation": (1, 1, 0)}, "deviation"),
        ({"channel_order": "L", "mean": (1, 2, 3)}, "mean"),
    ],
)
def test_bad_arguments_are_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}`"):
        kt.layers.ImagePreprocessing(**arguments)


@pytest.mark.parametrize("shape", [(5, 7, 3), (2, 5, 7, 4), (2, 5, 7)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match="batch, height, width, 3"):
        kt.layers.ImagePreprocessing()(np.zeros(shape, "float32"))
