import numpy as np
import pytest

import keras_transfer as kt


@pytest.fixture(scope="module")
def domains():
    return kt.data.digits_on_photos(seed=0)


def _rows(images):
    return {image.tobytes() for image in images}


def test_shapes_and_dtypes(domains):
    for images, labels in (
        domains.source,
        domains.source_test,
        domains.target_test,
    ):
        assert images.shape == (len(labels), 28, 28, 3)
        assert images.dtype == np.uint8
        assert labels.dtype == np.int32
        assert set(labels) == set(range(10))
    assert domains.target.shape[1:] == (28, 28, 3)
    assert domains.target.dtype == np.uint8


def test_training_and_test_of_the_source_share_no_digit(domains):
    assert not _rows(domains.source[0]) & _rows(domains.source_test[0])


def test_target_images_all_differ(domains):
    images = np.concatenate([domains.target, domains.target_test[0]])
    assert len(_rows(images)) == len(images)


def test_source_digits_lie_on_black(domains):
    corners = domains.source[0][:, :2, :2]
    assert np.median(corners) == 0
    assert np.median(domains.target[:, :2, :2]) > 20


def test_each_test_digit_lies_on_four_patches(domains):
    images, labels = domains.target_test
    assert (labels.reshape(-1, 4) == labels[::4, None]).all()
    assert (images[0] != images[1]).any()


def test_the_seed_decides_everything(domains):
    again, other = kt.data.digits_on_photos(0), kt.data.digits_on_photos(1)
    np.testing.assert_array_equal(domains.target, again.target)
    np.testing.assert_array_equal(domains.source[1], again.source[1])
    assert (domains.source[1] != other.source[1]).any()
