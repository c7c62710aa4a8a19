import hashlib

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


def test_the_ink_of_the_test_digits_is_known(domains):
    ink = domains.target_test_digits
    images, _ = domains.target_test
    assert ink.shape == images.shape[:3] and ink.dtype == np.uint8
    assert (ink.reshape(-1, 4, 28, 28) == ink[::4, None]).all()
    # Photographs are 427 and 640 pixels, their lower third is the test's.
    from sklearn.datasets import load_sample_images

    photos = [p[2 * len(p) // 3 :] for p in load_sample_images().images]
    image, digit = images[0].astype("int16"), ink[0].astype("int16")
    bare = digit == 0
    found = [
        (top, left)
        for photo in photos
        for top in range(len(photo) - 27)
        for left in range(photo.shape[1] - 27)
        if (photo[top, left] == image[0, 0]).all()
        and (photo[top : top + 28, left : left + 28][bare] == image[bare]).all()
    ]
    assert bare[0, 0] and len(found) == 1


def test_earlier_fields_stay_bit_for_bit(domains):
    arrays = [
        *domains.source,
        *domains.source_test,
        domains.target,
        *domains.target_test,
    ]
    found = hashlib.sha256(b"".join(array.tobytes() for array in arrays))
    # From before the ink was among them.
    assert found.hexdigest().startswith("88f2ec2c6f5bf24b")
