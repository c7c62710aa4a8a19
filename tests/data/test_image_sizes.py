"""Sizes and channels of images."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.data.image_sizes import checked_size
from keras_transfer.data.image_sizes import resized


def _images(generator, shape):
    return generator.integers(0, 256, shape, dtype="uint8")


def _enlarged(image, size):
    """Bilinear, by hand: pixel centres at half numbers, edges repeated."""
    height, width = image.shape
    result = np.empty((size, size))
    for row in range(size):
        for column in range(size):
            y = (row + 0.5) * height / size - 0.5
            x = (column + 0.5) * width / size - 0.5
            top, left = int(np.floor(y)), int(np.floor(x))
            value = 0.0
            for i, wi in ((top, top + 1 - y), (top + 1, y - top)):
                for j, wj in ((left, left + 1 - x), (left + 1, x - left)):
                    i_in = min(max(i, 0), height - 1)
                    j_in = min(max(j, 0), width - 1)
                    value += wi * wj * image[i_in, j_in]
            result[row, column] = value
    return result


def test_enlarging_is_bilinear(generator):
    image = _images(generator, (5, 6, 1))
    found = resized(image, (13, 13)).numpy()
    assert found.dtype == "uint8"
    expected = _enlarged(image[..., 0].astype(float), 13)
    assert np.abs(found[..., 0] - expected).max() <= 0.5 + 1e-4


def test_enlarging_is_what_the_digits_benchmark_does(generator):
    images = _images(generator, (50, 16, 16, 1))
    expected = np.rint(tf.image.resize(images.astype("float32"), (28, 28)))
    np.testing.assert_array_equal(resized(images, (28, 28)), expected)


def test_shrinking_smooths():
    # Every other column is bright: without smoothing all would be dark.
    stripes = np.zeros((1, 12, 12, 1), "uint8")
    stripes[:, :, ::4] = 200
    small = resized(stripes, (3, 3)).numpy()
    assert 30 < small.mean() < 70


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_dtypes_stay(dtype, generator):
    image = _images(generator, (4, 4, 3)).astype(dtype)
    for settings in ({"size": (7, 7)}, {"channels": 1}, {"channels": 3}):
        assert resized(image, **settings).dtype == dtype


def test_grey_repeats_and_colour_becomes_luma(generator):
    grey = _images(generator, (2, 4, 4, 1))
    colour = resized(grey, channels=3).numpy()
    for channel in range(3):
        np.testing.assert_array_equal(colour[..., channel], grey[..., 0])
    photo = _images(generator, (2, 4, 4, 3))
    luma = photo @ np.array([0.2989, 0.5870, 0.1140])
    found = resized(photo, channels=1).numpy()
    assert np.abs(found[..., 0] - luma).max() <= 0.5 + 1e-3
    # Rounded, not cut off: a white pixel stays white.
    white = np.full((1, 1, 3), 255, "uint8")
    assert resized(white, channels=1).numpy().item() == 255


def test_there_and_back_is_the_same(generator):
    grey = _images(generator, (3, 8, 8, 1))
    there = resized(grey, channels=3)
    assert (
        np.abs(resized(there, channels=1).numpy().astype(int) - grey).max() <= 1
    )


def test_nothing_asked_for_changes_nothing(generator):
    image = _images(generator, (4, 5, 3))
    np.testing.assert_array_equal(resized(image), image)


def test_rows_of_unknown_size_in_a_pipeline(generator):
    def images():
        for side in (6, 20):
            yield np.full((side, side, 3), side, "uint8")

    spec = tf.TensorSpec((None, None, 3), tf.uint8)
    dataset = tf.data.Dataset.from_generator(images, output_signature=spec)
    dataset = dataset.map(lambda image: resized(image, (9, 9), 1))
    assert dataset.element_spec.shape == (9, 9, 1)
    for side, image in zip((6, 20), dataset, strict=True):
        np.testing.assert_array_equal(image, np.full((9, 9, 1), side))


def test_what_is_refused(generator):
    with pytest.raises(ValueError, match="Only images"):
        resized(np.zeros((5, 3)), (2, 2))
    with pytest.raises(ValueError, match="2 or None for images of 2 channels"):
        resized(np.zeros((5, 5, 2)), channels=3)


@pytest.mark.parametrize(
    "size, expected",
    [(None, None), (5, (5, 5)), ((3, 4), (3, 4)), ([3, 4], (3, 4))],
)
def test_sizes(size, expected):
    assert checked_size(size) == expected


@pytest.mark.parametrize("size", [0, -1, 2.5, (3,), (1, 2, 3), "28"])
def test_sizes_that_are_none(size):
    with pytest.raises(ValueError, match="`size`"):
        checked_size(size)
