"""Confusion matrices as pictures."""

import itertools

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_transfer import explain


def _predictions(num_classes, rows, right=0.7):
    generator = np.random.default_rng(num_classes)
    labels = generator.integers(0, num_classes, rows)
    guesses = generator.integers(0, num_classes, rows)
    is_right = generator.random(rows) < right
    return labels, np.where(is_right, labels, guesses)


def test_colours_are_shares_and_numbers_are_counts():
    labels, predicted = np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1])
    figure = explain.confusion_matrices(
        {"target": (labels, predicted)}, ["cat", "dog"]
    )
    axis = figure.axes[0]
    np.testing.assert_array_equal(
        axis.images[0].get_array(), [[0.75, 0.25], [0, 1]]
    )
    # A 0 is left out.
    assert [(t.get_position(), t.get_text()) for t in axis.texts] == [
        ((0, 0), "3"),
        ((1, 0), "1"),
        ((1, 1), "1"),
    ]
    assert axis.get_title(loc="left") == "target, 80.0 % right"
    assert axis.get_xlabel() == "predicted class"
    assert axis.get_ylabel() == "true class"
    for labels_of in (axis.get_xticklabels, axis.get_yticklabels):
        assert [label.get_text() for label in labels_of()] == ["cat", "dog"]
    assert figure.axes[1].get_ylabel() == "share of the true class"


def test_colours_may_be_counts():
    given = {"a": _predictions(3, 40), "b": _predictions(3, 90)}
    figure = explain.confusion_matrices(given, normalize=False)
    for axis, (labels, predicted) in zip(
        figure.axes, given.values(), strict=False
    ):
        np.testing.assert_array_equal(
            axis.images[0].get_array(),
            explain.confusion_matrix(labels, predicted),
        )
    assert [axis.get_ylabel() for axis in figure.axes[2:]] == ["rows", "rows"]


def test_a_class_without_rows_is_white():
    figure = explain.confusion_matrices({"x": ([0], np.array([0]))}, ["a", "b"])
    shares = figure.axes[0].images[0].get_array()
    assert shares.tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize(
    ("num_classes", "rows"),
    [(2, 50_000), (10, 2000), (20, 4000), (40, 20_000)],
)
def test_text_does_not_overlap(num_classes, rows):
    names = [f"class {number}" for number in range(num_classes)]
    figure = explain.confusion_matrices(
        {"source": _predictions(num_classes, rows)}, names
    )
    figure.draw_without_rendering()
    axis = figure.axes[0]
    cell = axis.get_window_extent().width / num_classes
    texts = [text.get_window_extent() for text in axis.texts]
    assert len(texts) > num_classes
    assert max(max(box.width, box.height) for box in texts) < cell
    for labels, side in (
        (axis.get_xticklabels(), "x"),
        (axis.get_yticklabels(), "y"),
    ):
        boxes = [label.get_window_extent() for label in labels]
        # They run from left to right or from bottom to top.
        ends = sorted(
            tuple(sorted(getattr(box, f"interval{side}"))) for box in boxes
        )
        for one, other in itertools.pairwise(ends):
            assert one[1] <= other[0] + 1e-6


def test_where_there_is_no_room_there_is_no_text():
    axes = Figure(figsize=(2, 2)).subplots(1, 1, squeeze=False).ravel()
    figure = explain.confusion_matrices(
        {"x": _predictions(40, 9000)}, axes=axes
    )
    assert figure is axes[0].figure and not axes[0].texts


def test_too_few_names_are_refused():
    with pytest.raises(ValueError, match="integers from 0 to 1"):
        explain.confusion_matrices({"x": ([2], np.array([0]))}, ["a", "b"])
