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
