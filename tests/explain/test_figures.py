"""Figures without a window."""

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
