"""Score-CAM, beside a NumPy twin and tf-keras-vis itself."""

import keras
import numpy as np
import pytest

from keras_transfer import explain
from keras_transfer.explain import class_maps
from keras_transfer.explain.vis import vis
from tests.explain import small_models

LABELS = np.array([2, 0, 3])


def twin(model, images, labels, channels=6):
    inside = small_models.Twin(model)
    found = []
    for image, label in zip(images, labels, strict=True):
        maps = inside.maps(image[None])[0]
        spread = maps.reshape(-1, maps.shape[-1]).std(axis=0)
        total = 0
        for k in np.argsort(-spread)[:channels]:
            mask = _enlarged(maps[..., k])
            mask = (mask - mask.min()) / (np.ptp(mask) + 1e-7)
            logits = inside.logits(image[None] * mask[None, ..., None])[0]
            exponentials = np.exp(logits - logits.max())
            weight = exponentials[label] / exponentials.sum()
            total = total + weight * maps[..., k]
        found.append(np.maximum(total, 0))
    return small_models.enlarged(np.stack(found))


def _enlarged(values):
    largest = values.max()
    if largest == 0:
        return np.zeros((small_models.SIZE,) * 2)
    return small_models.enlarged(values[None])[0] * _peak(values)


def _peak(values):
    """`small_models.enlarged` divides by the largest value after enlarging."""
    from scipy.ndimage import zoom

    return zoom(values, small_models.SIZE / len(values), order=1).max()


@pytest.mark.parametrize("channels", [None, 3])
def test_it_is_the_formula(channels):
    model, images = small_models.convolutional(), small_models.images()
    maps = explain.score_cam(
        model, images, LABELS, max_channels=channels, verbose=0
    )
    assert maps.shape == (3, 12, 12) and maps.dtype == np.float32
    expected = twin(model, images, LABELS, channels or 6)
    np.testing.assert_allclose(maps, expected, atol=1e-4)


def test_blocks_do_not_matter():
    model, images = small_models.convolutional(), small_models.images()
    np.testing.assert_allclose(
        explain.score_cam(model, images, LABELS, batch_size=2, verbose=0),
        explain.score_cam(model, images, LABELS, verbose=0),
        atol=1e-6,
    )


def test_it_is_what_tf_keras_vis_makes_of_all_at_once():
    model = small_models.convolutional()
    images = small_models.images().astype("float32")
    # A list of inputs, as tf-keras-vis calls it, or Keras warns.
    listed = keras.Model([model.inputs[0]], [model.outputs[0]])
    cam = vis("scorecam").Scorecam(listed)(
        class_maps.class_score(LABELS),
        images,
        penultimate_layer=model.get_layer("second"),
        normalize_cam=False,
    )
    np.testing.assert_allclose(
        explain.score_cam(model, images, LABELS, verbose=0),
        class_maps.scaled(cam),
        atol=1e-5,
    )


def test_one_output_has_two_classes():
    model = small_models.convolutional(classes=1)
    two = small_models.convolutional(classes=2)
    *weights, kernel, bias = model.get_weights()
    two.set_weights([*weights, kernel * [[0.0, 1.0]], bias * [0.0, 1.0]])
    images = small_models.images()
    for label in (0, 1):
        np.testing.assert_allclose(
            explain.score_cam(model, images, label, verbose=0),
            explain.score_cam(two, images, label, verbose=0),
            atol=1e-5,
        )


@pytest.mark.parametrize("channels", [0, 2.5])
def test_a_number_of_channels_that_is_none(channels):
    with pytest.raises(ValueError, match="max_channels"):
        explain.score_cam(
            small_models.convolutional(),
            small_models.images(),
            max_channels=channels,
        )
