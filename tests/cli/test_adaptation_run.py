"""What quickstart and adapt share."""

import keras
import numpy as np
import pytest

from keras_transfer import alignment
from keras_transfer import data
from keras_transfer.callbacks import run_folder
from keras_transfer.cli import adaptation_run
from keras_transfer.explain import evidence


class Lines:
    """A reporter that keeps what it is told."""

    def __init__(self):
        self.lines = []

    def line(self, text=""):
        self.lines.append(text)


@pytest.fixture
def task():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    return adaptation_run.Task(
        pairs=data.pair_domains((x, y), x + 1, batch_size=8, seed=0),
        source_test=(x, y),
        target=x + 1,
    )


@pytest.fixture
def model():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(2),
        ]
    )


SETTINGS = adaptation_run.Settings(epochs=2, verbose=False)


def test_every_method_starts_from_the_same_model_which_stays(
    model, task, tmp_path
):
    before = model.get_weights()
    reporter = Lines()
    first, second = adaptation_run.compare(
        {"source_only": None, "again": None},
        model,
        task,
        SETTINGS,
        reporter,
        tmp_path,
    )
    for one, two in zip(
        first.model.get_weights(), second.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert first.score == second.score
    assert reporter.lines[0] == "source_only: no alignment"


def test_every_method_has_a_run_folder_of_its_own(model, task, tmp_path):
    target = task.target, task.source_test[1]
    task = task._replace(target_test=target, description="two clouds")
    earlier = tmp_path / "runs" / "dann"
    earlier.mkdir(parents=True)
    # What an earlier command left is no obstacle.
    run_folder.write_facts(earlier, {"config": {"method": "other"}})
    terms = {"source_only": None, "dann": alignment.get("dann")}
    results = adaptation_run.compare(
        terms, model, task, SETTINGS, Lines(), tmp_path
    )
    for result in results:
        run = run_folder.read(tmp_path / "runs" / result.method)
        assert run.path == result.log.folder
        assert run.facts["status"] == "finished"
        assert run.facts["data"] == "two clouds"
        assert run.facts["figures"] == {
            "source_test": result.source_accuracy,
            adaptation_run.SCORE: result.score,
        }
        seen = evidence.read(run.path)
        assert seen.target.labels is not None
        assert seen.source.accuracy == pytest.approx(result.source_accuracy)


def test_all_methods_are_checked_before_the_first_is_trained(
    model, task, tmp_path
):
    one_row = data.pair_domains(task.source_test, task.target, 1, seed=0)
    reporter = Lines()
    terms = {
        "dann": alignment.get("dann"),
        "coral": alignment.get("deep_coral"),
    }
    with pytest.raises(ValueError, match="at least 2 rows"):
        adaptation_run.compare(
            terms,
            model,
            task._replace(pairs=one_row),
            SETTINGS,
            reporter,
            tmp_path / "run",
        )
    assert reporter.lines == []
    assert not (tmp_path / "run").exists()


def test_a_model_that_diverged_is_not_the_best(model, task, tmp_path):
    weights = [np.full_like(weight, np.nan) for weight in model.get_weights()]
    broken = keras.models.clone_model(model)
    broken.set_weights(weights)
    (diverged,) = adaptation_run.compare(
        {"source_only": None}, broken, task, SETTINGS, Lines(), tmp_path
    )
    (trained,) = adaptation_run.compare(
        {"source_only": None}, model, task, SETTINGS, Lines(), tmp_path
    )
    assert adaptation_run.best([diverged, trained]) is trained


def test_the_best_has_the_highest_score():
    results = [
        adaptation_run.Result(name, None, 0.0, 0.0, score)
        for name, score in (("a", 1.0), ("b", 2.0), ("c", -1.0))
    ]
    assert adaptation_run.best(results).method == "b"


def test_predictions_of_a_dataset_and_of_arrays_agree(model, task):
    images, labels = task.source_test
    batches = data_of(images, labels)
    np.testing.assert_allclose(
        adaptation_run.probabilities(model, batches),
        adaptation_run.probabilities(model, images),
        atol=1e-6,
    )


def data_of(images, labels):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(10)
