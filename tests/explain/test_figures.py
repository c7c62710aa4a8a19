"""Figures without a window, and colours."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_transfer.explain import figures


def test_a_new_figure_has_a_grid_of_axes():
    figure, axes = figures.figure_of(None, 2, 3, (6, 4))
    assert len(axes) == 6 and list(axes) == figure.axes
    assert tuple(figure.get_size_inches()) == (6, 4)


def test_given_axes_are_kept():
    given = Figure().subplots(1, 2)
    figure, axes = figures.figure_of(given, 9, 9, (1, 1))
    assert axes is given and figure is given[0].figure


def test_colours_differ():
    assert len(set(figures.COLORS)) == len(figures.COLORS)


def test_twelve_classes_have_colours_of_their_own():
    colors = {figures.class_color(number) for number in range(12)}
    assert len(colors) == 12
    assert figures.class_color(12) == figures.class_color(0)


def test_equal_steps_of_the_shades_look_equal():
    rgb = np.asarray(figures.shades()(np.linspace(0, 1, 11)))[:, :3]
    lightness = _lightness(rgb)
    assert lightness[0] == pytest.approx(100, abs=0.5)
    steps = -np.diff(lightness)
    assert steps.min() > 6 and steps.max() < 10


def test_names_of_classes_or_their_numbers():
    assert figures.class_labels(2) == ["0", "1"]
    assert figures.class_labels(2, ("cat", "dog", "emu")) == ["cat", "dog"]
    with pytest.raises(ValueError, match="1 names for 2 classes"):
        figures.class_labels(2, ["cat"])


def _lightness(rgb):
    """CIE L* of sRGB, from its definition."""
    linear = np.where(
        rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4
    )
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(
        luminance > 0.008856,
        116 * np.cbrt(luminance) - 16,
        903.3 * luminance,
    )
