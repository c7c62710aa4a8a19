"""Pictures of two domains."""

import io

import numpy as np
import pytest

from keras_transfer import explain


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_of_both_domains_are_drawn(channels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (6, 8, 8, channels)).astype("uint8")
    figure = explain.domain_samples(images, 255 - images, columns=4)
    shown = [axis.images[0].get_array() for axis in figure.axes]
    assert [picture.shape[:2] for picture in shown] == [(8, 32), (8, 32)]
    expected = np.concatenate(list(images[:4]), axis=1).squeeze()
    np.testing.assert_array_equal(shown[0], expected)
    for kind in ("png", "svg"):
        figure.savefig(io.BytesIO(), format=kind)


def test_features_apart_are_drawn_apart():
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(2, 40, 5))
    figure = explain.feature_maps(
        {"mixed": (near, far), "apart": (near, far + 50)}
    )
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "mixed",
        "apart",
    ]
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in figure.axes)
    mixed, apart = (_separation(axis) for axis in figure.axes)
    assert apart > 2 * mixed


def test_the_picture_repeats():
    rng = np.random.default_rng(0)
    features = {"features": tuple(rng.normal(size=(2, 20, 3)))}
    points = [
        explain.feature_maps(features, seed=1).axes[0].collections[0]
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*(p.get_offsets() for p in points))


def _separation(axis):
    """Distance of the domains' centres, in units of their spread."""
    source, target = (p.get_offsets() for p in axis.collections)
    distance = np.linalg.norm(source.mean(axis=0) - target.mean(axis=0))
    return distance / np.concatenate([source, target]).std()
