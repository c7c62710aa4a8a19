"""Learning curves."""

import io

import keras
import numpy as np
import pytest

from keras_transfer import explain

HEAD = {"loss": [1.0, 0.5], "val_loss": [1.2, 0.7], "accuracy": [0.5, 0.6]}
FULL = {"loss": [0.4], "val_loss": [0.6], "learning_rate": [0.1]}


def test_every_metric_has_a_panel_and_every_training_a_colour():
    figure = explain.learning_curves({"head": HEAD, "full": FULL})
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "accuracy"]
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert set(lines) == {
        "head",
        "head, training",
        "full",
        "full, training",
    }
    np.testing.assert_array_equal(lines["head"].get_ydata(), HEAD["val_loss"])
    np.testing.assert_array_equal(lines["head"].get_xdata(), [1, 2])
    assert lines["head"].get_color() == lines["head, training"].get_color()
    assert lines["head"].get_color() != lines["full"].get_color()
    assert lines["head"].get_linestyle() != (
        lines["head, training"].get_linestyle()
    )
    # A line of one point would not be seen.
    assert lines["full"].get_marker() == "o"
    for kind in ("png", "svg"):
        figure.savefig(io.BytesIO(), format=kind)


def test_metrics_may_be_chosen():
    figure = explain.learning_curves({"head": HEAD}, metrics=["accuracy"])
    assert [axis.get_ylabel() for axis in figure.axes] == ["accuracy"]


@pytest.mark.parametrize("epochs", [1, 2])
def test_what_fit_returns_will_do(epochs):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(
        np.ones((4, 2)),
        np.ones(4),
        epochs=epochs,
        validation_split=0.5,
        verbose=0,
    )
    (axis,) = explain.learning_curves({"run": history}).axes
    values = axis.lines[0].get_ydata()
    np.testing.assert_allclose(values, history.history["val_loss"])
