"""The energy-based pointing game."""

import numpy as np
import pytest

from keras_transfer import explain


def test_it_is_the_formula():
    rng = np.random.default_rng(0)
    maps, masks = rng.uniform(size=(3, 4, 5)), rng.integers(0, 2, (3, 4, 5))
    expected = [
        sum(m[place] for place in np.ndindex(4, 5) if inside[place]) / m.sum()
        for m, inside in zip(maps, masks, strict=True)
    ]
    found = explain.attribution_share(maps, masks)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_scale_does_not_matter_and_shares_add_up():
    rng = np.random.default_rng(0)
    maps, masks = rng.uniform(size=(3, 4, 5)), rng.integers(0, 2, (3, 4, 5))
    share = explain.attribution_share(maps, masks)
    np.testing.assert_allclose(
        explain.attribution_share(7 * maps, masks), share, rtol=1e-6
    )
    np.testing.assert_allclose(
        explain.attribution_share(maps, 1 - masks), 1 - share, rtol=1e-5
    )


def test_an_even_map_has_the_share_of_the_area():
    masks = np.random.default_rng(0).integers(0, 2, (3, 4, 5))
    np.testing.assert_allclose(
        explain.attribution_share(np.ones((3, 4, 5)), masks),
        masks.mean(axis=(1, 2)),
    )


def test_an_empty_map_has_no_share():
    maps = np.zeros((2, 3, 3))
    maps[1, 1, 1] = 1
    found = explain.attribution_share(maps, np.ones((2, 3, 3)))
    np.testing.assert_array_equal(found, [np.nan, 1.0])


@pytest.mark.parametrize(
    "maps",
    [np.ones((2, 3)), -np.ones((2, 3, 3)), np.full((2, 3, 3), np.nan)],
    ids=["no rows", "negative", "NaN"],
)
def test_maps_that_will_not_do(maps):
    with pytest.raises(ValueError, match="Expected"):
        explain.attribution_share(maps, np.ones(maps.shape))


def test_masks_of_another_shape():
    with pytest.raises(ValueError, match="the shape of the maps"):
        explain.attribution_share(np.ones((2, 3, 3)), np.ones((2, 3, 4)))
