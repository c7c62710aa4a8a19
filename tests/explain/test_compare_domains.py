"""Two models of one task on two domains, in one picture."""

import importlib.util

import keras
import numpy as np
import pytest

from keras_transfer import explain

HAS_TF_KERAS_VIS = importlib.util.find_spec("tf_keras_vis") is not None


def _model(seed=0, outputs=3):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, "relu", name="hidden"),
            keras.layers.Dense(outputs),
        ]
    )


def _domains(rows=24):
    generator = np.random.default_rng(0)
    labels = np.arange(rows) % 3
    x = generator.normal(size=(rows, 4)) + labels[:, None]
    return (x.astype("float32"), labels), ((x + 1).astype("float32"), labels)


def _titles(figure):
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_everything_is_drawn_where_there_are_labels():
    source, target = _domains()
    before, after = _model(0), _model(1)
    figure = explain.compare_domains(
        before, after, source, target, class_names=["cat", "dog", "emu"]
    )
    titles = _titles(figure)
    assert titles[:4] == [
        "before",
        "after",
        "before, by class",
        "after, by class",
    ]
    shares = {
        f"{domain}, {name}": np.mean(
            model.predict(x, verbose=0).argmax(axis=1) == y
        )
        for domain, (x, y) in (("source", source), ("target", target))
        for name, model in (("before", before), ("after", after))
    }
    for title, share in shares.items():
        assert f"{title}, {100 * share:.1f} % right" in titles
    charts = [
        axis
        for axis in figure.axes
        if "within-class spreads" in axis.get_xlabel()
    ]
    assert len(charts) == 1
    hidden = keras.Model(before.inputs, before.layers[0].output)
    expected = explain.class_distances(
        hidden.predict(source[0], verbose=0),
        source[1],
        hidden.predict(target[0], verbose=0),
        target[1],
    )
    _, drawn, _ = charts[0].collections
    np.testing.assert_allclose(
        np.asarray(drawn.get_offsets())[:, 0], expected, rtol=1e-4
    )
    figure.draw_without_rendering()


def test_without_labels_of_the_target_less_is_drawn():
    source, (target, _) = _domains()
    figure = explain.compare_domains(_model(0), _model(1), source, target)
    titles = _titles(figure)
    assert sum("% right" in title for title in titles) == 2
    assert not any("target" in title for title in titles)
    assert not any("spreads" in axis.get_xlabel() for axis in figure.axes)
    colors = [len(set(map(tuple, c))) for c in _edge_colors(figure.axes[2])]
    assert colors[1] == 1  # grey


def test_rows_are_drawn_by_the_seed_and_pairs_stay_together():
    source, target = _domains(60)
    models = _model(0), _model(1)
    figures = [
        explain.compare_domains(*models, source, target, rows=20, seed=seed)
        for seed in (0, 0, 1)
    ]
    counts = [_counts(figure) for figure in figures]
    assert counts[0] == counts[1] != counts[2]
    points = [f.axes[0].collections[0].get_offsets() for f in figures]
    assert len(points[0]) == 20


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_domains_by_name_are_taken(kind):
    import tensorflow as tf

    import keras_transfer as kt

    names = ["cat", "dog", "emu"]
    given = []
    for x, y in _domains(60):
        rows = x, y
        if kind == "disk":
            rows = tf.data.Dataset.from_tensor_slices(rows)
        given.append(kt.data.DomainDataset(rows, class_names=names))
    model = _model()
    figure = explain.compare_domains(model, model, *given, rows=20, seed=3)
    expected = explain.compare_domains(
        model, model, *_domains(60), class_names=names, rows=20, seed=3
    )
    found = [_counts(f) for f in (figure, expected)]
    assert found[0] == found[1]
    labels = [t.get_text() for t in figure.axes[4].get_xticklabels()]
    assert labels == names


def test_the_features_of_a_named_layer_and_trainers_are_taken():
    import keras_transfer as kt

    source, target = _domains()
    model = _model()
    trainer = kt.DomainAdaptation(model, "deep_coral")
    figure = explain.compare_domains(
        trainer, model, source, target, features="hidden"
    )
    before, after = (
        axis.collections[0].get_offsets() for axis in figure.axes[:2]
    )
    np.testing.assert_array_equal(before, after)
    with pytest.raises(ValueError, match="Did you mean 'hidden'"):
        explain.compare_domains(model, model, source, target, features="hiden")


def test_a_sigmoid_is_a_probability_of_two_classes():
    x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(1, "sigmoid")]
    )
    y = (x[:, 0] > 0).astype("int32")
    figure = explain.compare_domains(model, model, (x, y), (x + 1, y))
    assert figure.axes[4].images[0].get_array().shape == (2, 2)


@pytest.mark.skipif(not HAS_TF_KERAS_VIS, reason="needs tf-keras-vis")
def test_images_are_shown_with_where_the_models_look():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 255, (12, 8, 8, 3)).astype("uint8")
    labels = np.arange(12) % 2
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    figure = explain.compare_domains(
        model, model, (images, labels), images, rows=12
    )
    titles = " ".join(
        axis.get_title(loc=loc)
        for axis in figure.axes
        for loc in ("left", "center")
    )
    assert "Grad-CAM, before" in titles and "Grad-CAM, after" in titles


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((3, 4), "float32"), "the labels of the source"),
        ((np.zeros((3, 4)), np.zeros(2, int)), "one label for each row"),
        ((np.zeros((0, 4)), np.zeros(0, int)), "at least one row"),
    ],
    ids=["unlabelled", "length", "empty"],
)
def test_what_does_not_fit_is_refused(source, message):
    _, target = _domains()
    with pytest.raises(ValueError, match=message):
        explain.compare_domains(_model(), _model(), source, target)


def _counts(figure):
    """What the four confusion matrices show."""
    return [axis.images[0].get_array().tolist() for axis in figure.axes[4:8]]


def _edge_colors(axis):
    return [points.get_edgecolors() for points in axis.collections]
