"""Images beside their maps."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_transfer import explain


def example(channels=3, rows=2):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (rows, 6, 8, channels)).astype("uint8")
    maps = {
        title: rng.uniform(size=(rows, 6, 8)) for title in ("before", "after")
    }
    return images, maps


@pytest.mark.parametrize("channels", [1, 3])
def test_a_line_is_an_image_and_a_column_a_map(channels):
    images, maps = example(channels)
    figure = explain.attribution_pictures(images, maps, ["a 3", "a 5"])
    *panels, bar = figure.axes
    assert len(panels) == 6 and "attribution" in bar.get_ylabel()
    assert [axis.get_title() for axis in panels[:3]] == [
        "image",
        "before",
        "after",
    ]
    assert [panels[0].get_ylabel(), panels[3].get_ylabel()] == ["a 3", "a 5"]
    shown = panels[3].images[0].get_array()
    np.testing.assert_allclose(
        shown, np.broadcast_to(images[1] / 255, (6, 8, 3))
    )
    for place, values in zip((4, 5), maps.values(), strict=True):
        below, above = panels[place].images
        np.testing.assert_array_equal(above.get_array(), values[1])
        assert above.get_clim() == below.get_clim() == (0, 1)
        np.testing.assert_allclose(
            below.get_array(), images[1].mean(axis=-1) / 255
        )
    for kind in ("png", "svg"):
        figure.savefig(io.BytesIO(), format=kind)


@pytest.mark.parametrize("kind", ["uint8", "bytes as floats", "unit floats"])
def test_ranges_of_pixels(kind):
    images, maps = example()
    given = {
        "uint8": images,
        "bytes as floats": images.astype("float32"),
        "unit floats": images / 255.0,
    }[kind]
    figure = explain.attribution_pictures(given, maps)
    np.testing.assert_allclose(
        figure.axes[0].images[0].get_array(), images[0] / 255, atol=1e-6
    )


def test_axes_may_be_given():
    images, maps = example()
    axes = Figure().subplots(2, 3).ravel()
    figure = explain.attribution_pictures(images, maps, axes=axes)
    assert figure is axes[0].figure and len(figure.axes) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, m: (i[:, :, :, :2], m, None), "height, width, 1 or 3"),
        (lambda i, m: (i, {"a": m["after"][:1]}, None), r"maps\['a'\]"),
        (lambda i, m: (i, m, ["one"]), "each of the 2 images"),
    ],
    ids=["two channels", "fewer maps", "fewer titles"],
)
def test_what_does_not_belong_together(change, message):
    with pytest.raises(ValueError, match=message):
        explain.attribution_pictures(*change(*example()))
