import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.explain import evidence
from keras_transfer.explain import record_evidence
from tests.explain.reporting import small_runs
from tests.helpers import to_numpy

SOURCE = small_runs.arrays(30)
TARGET = small_runs.arrays(40, shift=20, seed=1)


def _record(tmp_path, model, source=SOURCE, target=TARGET, **options):
    options.setdefault("images", 0)
    record_evidence(tmp_path, model, source, target, **options)
    return evidence.read(tmp_path)


def test_rows_belong_together(tmp_path):
    model = small_runs.model()
    found = _record(
        tmp_path, model, rows=10, images=4, class_names=small_runs.NAMES
    )
    seen = found.target
    np.testing.assert_array_equal(seen.labels, TARGET[1])
    logits = to_numpy(model(TARGET[0]))
    expected = to_numpy(keras.ops.softmax(logits))
    np.testing.assert_allclose(seen.probabilities, expected, atol=1e-6)
    inner = keras.Model(model.input, model.get_layer("features").output)
    np.testing.assert_allclose(
        seen.features, to_numpy(inner(TARGET[0]))[seen.feature_rows], rtol=1e-5
    )
    assert len(seen.features) == 10
    np.testing.assert_array_equal(seen.images, TARGET[0][seen.image_rows])
    assert seen.maps.shape == (4, 8, 8)
    assert found.class_names == small_runs.NAMES
    assert found.notes == ()
    accuracy = (logits.argmax(1) == TARGET[1]).mean()
    assert seen.accuracy == pytest.approx(accuracy)


def test_maps_are_those_of_grad_cam(tmp_path):
    model = small_runs.model()
    seen = _record(tmp_path, model, images=3).source
    np.testing.assert_array_equal(
        seen.maps, kt.explain.grad_cam(model, seen.images)
    )


def test_the_draw_is_by_the_seed_and_the_same_for_every_model(tmp_path):
    rows = [
        _record(
            tmp_path, small_runs.model(), rows=8, seed=seed
        ).source.feature_rows.tolist()
        for seed in (0, 0, 1)
    ]
    assert rows[0] == rows[1] != rows[2]


@pytest.mark.parametrize("form", ["pairs", "inputs", "domain_dataset"])
def test_datasets_give_what_arrays_give(tmp_path, form):
    model = small_runs.model()
    expected = _record(tmp_path, model, rows=8).source
    if form == "domain_dataset":
        source = kt.data.DomainDataset(SOURCE)
    else:
        given = SOURCE if form == "pairs" else SOURCE[0]
        batches = tf.data.Dataset.from_tensor_slices(given).batch(7)
        source = batches, SOURCE[1]
    found = _record(tmp_path, model, source, rows=8).source
    for field, value in vars(expected).items():
        if field in ("probabilities", "features"):
            got = getattr(found, field)
            np.testing.assert_allclose(got, value, atol=1e-5)
    np.testing.assert_array_equal(found.labels, expected.labels)


def test_a_target_without_labels_and_a_trainer(tmp_path):
    trainer = kt.DomainAdaptation(small_runs.model(), "dann")
    found = _record(tmp_path, trainer, target=TARGET[0])
    assert found.target.labels is None
    assert found.target.accuracy is None
    assert found.target.probabilities.shape == (40, 3)


def test_one_domain_alone(tmp_path):
    found = _record(tmp_path, small_runs.model(), source=None)
    assert found.source.rows == 0
    assert found.target.rows == 40


def test_large_data_are_cut(tmp_path, monkeypatch):
    # The name in the package is the function's.
    module = sys.modules["keras_transfer.explain.record_evidence"]
    monkeypatch.setattr(module, "MOST_ROWS", 12)
    monkeypatch.setattr(module, "BATCH_SIZE", 5)
    seen = _record(tmp_path, small_runs.model(), rows=6).target
    assert seen.probabilities.shape == (12, 3)
    assert len(seen.features) == 6
    assert seen.feature_rows.max() < 12
    # The labels are of the rows that were kept: brightness is the class.
    kept = np.sort(np.argsort(np.random.default_rng(0).random(40))[:12])
    np.testing.assert_array_equal(seen.labels, TARGET[1][kept])


@pytest.mark.parametrize("last", ["softmax", "sigmoid"])
def test_probabilities_stay_as_they_are(tmp_path, last):
    units = 3 if last == "softmax" else 1
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units, last)]
    )
    x = np.random.default_rng(0).normal(size=(9, 4)).astype("float32")
    y = np.arange(9) % 2
    seen = _record(tmp_path, model, (x, y), x).source
    outputs = to_numpy(model(x))
    if last == "sigmoid":
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    np.testing.assert_allclose(seen.probabilities, outputs, atol=1e-6)


def test_one_hot_labels(tmp_path):
    one_hot = np.eye(3)[SOURCE[1]]
    found = _record(tmp_path, small_runs.model(), (SOURCE[0], one_hot))
    np.testing.assert_array_equal(found.source.labels, SOURCE[1])


def test_float_images_are_kept_as_pixels(tmp_path):
    images = SOURCE[0].astype("float32") / 255
    found = _record(
        tmp_path, small_runs.model(), (images, SOURCE[1]), TARGET[0], images=2
    )
    assert found.source.images.dtype == "uint8"
    assert found.source.images.max() == 255


def test_what_cannot_be_had_is_said_in_the_file(tmp_path):
    class Plain(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs):
            return self.dense(keras.ops.reshape(inputs, (-1, 64)))

    model = Plain()
    model(SOURCE[0][:1])
    found = _record(tmp_path, model, images=2)
    assert found.source.features is None
    assert found.source.maps is None
    assert [note.split(":")[0] for note in found.notes] == [
        "No features",
        "No Grad-CAM",
    ]


def test_a_model_that_diverged(tmp_path):
    model = small_runs.model()
    weights = [np.full_like(w, np.nan) for w in model.get_weights()]
    model.set_weights(weights)
    found = _record(tmp_path, model)
    assert found.target.probabilities is None
    assert "The target outputs are not finite: training diverged." in (
        found.notes
    )


def test_mixed_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    found = _record(tmp_path, small_runs.model(), images=2)
    assert found.source.probabilities.dtype == "float32"
    np.testing.assert_allclose(found.source.probabilities.sum(1), 1, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": SOURCE[0]}, "`source`.*with the source's labels"),
        ({"source": (SOURCE[0], SOURCE[1][:5])}, "has 5 rows"),
        ({"source": (SOURCE[0], SOURCE[1] + 1)}, "from 0 to 2"),
        ({"source": (SOURCE[0], SOURCE[1] / 2)}, "class numbers"),
        ({"source": (SOURCE[0][:0], SOURCE[1][:0])}, "at least one"),
        ({"features": "none_such"}, "none_such"),
        ({"class_names": ["a"]}, "`class_names`.*3 names"),
        ({"rows": 1}, "`rows`.*integer from 2"),
        ({"images": -1}, "`images`"),
    ],
)
def test_bad_input_writes_nothing(tmp_path, change, message):
    given = {"source": SOURCE, "target": TARGET, "images": 0} | change
    source, target = given.pop("source"), given.pop("target")
    with pytest.raises(ValueError, match=message):
        record_evidence(
            tmp_path / "run", small_runs.model(), source, target, **given
        )
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_no_classifier(tmp_path):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs))
    with pytest.raises(ValueError, match="needs a classifier"):
        _record(tmp_path, model)
