"""Features of two domains in a plane."""

import importlib.util

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_transfer import explain

HAS_UMAP = importlib.util.find_spec("umap") is not None


def _domains(classes=3, rows=30, width=5, shift=0.0):
    generator = np.random.default_rng(0)
    centers = 20 * generator.normal(size=(classes, width))
    labels = np.arange(rows) % classes
    source = centers[labels] + generator.normal(size=(rows, width))
    target = centers[labels] + generator.normal(size=(rows, width)) + shift
    return (source, target), labels


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_features_apart_are_drawn_apart(method):
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(2, 40, 5))
    figure = explain.feature_maps(
        {"mixed": (near, far), "apart": (near, far + 50)}, method=method
    )
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "mixed",
        "apart",
    ]
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in figure.axes)
    mixed, apart = (_separation(axis) for axis in figure.axes)
    assert apart > 2 * mixed


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_the_picture_repeats(method):
    pair, _ = _domains()
    points = [
        explain.feature_maps({"features": pair}, method=method, seed=1)
        .axes[0]
        .collections[0]
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*(p.get_offsets() for p in points))


def test_principal_components_are_those_of_the_covariance():
    (source, target), _ = _domains()
    axis = explain.feature_maps({"x": (source, target)}, method="pca").axes[0]
    drawn = np.concatenate([p.get_offsets() for p in axis.collections])
    both = np.concatenate([source, target])
    centered = both - both.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(centered.T))
    expected = centered @ vectors[:, ::-1][:, :2]
    np.testing.assert_allclose(abs(drawn), abs(expected), rtol=1e-6)
    share = values[-1] / values.sum()
    assert axis.get_xlabel() == (
        f"principal component 1 ({share:.0%} of variance)"
    )


def test_one_column_is_drawn_on_a_line():
    column = np.arange(8.0)[:, None]
    axis = explain.feature_maps({"x": (column, column)}, method="pca").axes[0]
    points = np.concatenate([p.get_offsets() for p in axis.collections])
    assert np.ptp(points[:, 0]) > 0 and np.all(points[:, 1] == 0)


def test_labels_add_a_row_by_class():
    pair, labels = _domains()
    figure = explain.feature_maps(
        {"before": pair, "after": pair},
        labels={"before": (labels, None), "after": (labels, labels)},
        class_names=["cat", "dog", "emu"],
        method="pca",
    )
    above, below = figure.axes[:2], figure.axes[2:]
    assert [axis.get_title(loc="left") for axis in below] == [
        "before, by class",
        "after, by class",
    ]
    for one, other in zip(above, below, strict=True):
        for domain in range(2):
            np.testing.assert_array_equal(
                one.collections[domain].get_offsets(),
                other.collections[domain].get_offsets(),
            )
    unlabelled, labelled = (_colors(axis) for axis in below)
    # By class, and grey where there is no label.
    assert len(set(unlabelled[0])) == 3 and len(set(unlabelled[1])) == 1
    assert labelled[0] == labelled[1] == unlabelled[0]
    # The markers of the domains differ: one is filled, the other is not.
    source, target = below[1].collections
    assert len(source.get_facecolors()) and not len(target.get_facecolors())
    assert len(source.get_paths()[0]) != len(target.get_paths()[0])
    texts = [text.get_text() for text in below[1].texts]
    assert texts == ["cat", "dog", "emu"]
    legend = below[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "source",
        "target",
        "cat",
        "dog",
        "emu",
    ]


def test_labels_may_be_strings():
    pair, labels = _domains()
    named = np.array(["dog", "cat", "emu"])[labels]
    figure = explain.feature_maps(
        {"x": pair}, labels={"x": (named, named)}, method="pca"
    )
    assert [text.get_text() for text in figure.axes[1].texts] == [
        "cat",
        "dog",
        "emu",
    ]


def test_axes_may_be_given():
    pair, labels = _domains()
    axes = Figure().subplots(2, 1)
    figure = explain.feature_maps(
        {"x": pair}, labels={"x": (labels, labels)}, method="pca", axes=axes
    )
    assert figure is axes[0].figure
    assert axes[1].get_title(loc="left") == "x, by class"


@pytest.mark.skipif(HAS_UMAP, reason="umap-learn is installed")
def test_without_the_package_umap_says_how_to_get_it():
    pair, _ = _domains()
    with pytest.raises(ImportError, match="pip install umap-learn"):
        explain.feature_maps({"x": pair}, method="umap")


def test_umap_is_called_where_it_is(monkeypatch):
    import sys
    import types

    seen = {}

    class UMAP:
        def __init__(self, **settings):
            seen.update(settings)

        def fit_transform(self, rows):
            return rows[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=UMAP))
    pair, _ = _domains()
    axis = explain.feature_maps({"x": pair}, method="umap", seed=7).axes[0]
    assert axis.get_xlabel() == "UMAP 1" and seen["random_state"] == 7
    np.testing.assert_array_equal(
        axis.collections[1].get_offsets(), pair[1][:, :2]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "tsn"}, "Did you mean 'tsne'"),
        ({"labels": {"y": (None, None)}}, "Received: labels='y'"),
        ({"labels": {"x": ([0, 1], None)}}, "source labels have the shape"),
    ],
    ids=["method", "title", "length"],
)
def test_what_does_not_fit_is_refused(arguments, message):
    pair, _ = _domains()
    with pytest.raises(ValueError, match=message):
        explain.feature_maps({"x": pair}, **{"method": "pca", **arguments})


def test_nan_is_refused():
    (source, target), _ = _domains()
    source[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite value in row 3"):
        explain.feature_maps({"x": (source, target)})


def _colors(axis):
    source, target = axis.collections
    return [
        [tuple(color[:3]) for color in colors]
        for colors in (
            source.get_facecolors(),
            np.resize(target.get_edgecolors(), (len(target.get_offsets()), 4)),
        )
    ]


def _separation(axis):
    """Distance of the domains' centres, in units of their spread."""
    source, target = (p.get_offsets() for p in axis.collections)
    distance = np.linalg.norm(source.mean(axis=0) - target.mean(axis=0))
    return distance / np.concatenate([source, target]).std()
