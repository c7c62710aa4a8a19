"""A recipe, seed by seed, into a folder."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer import callbacks
from keras_transfer.callbacks import run_folder
from keras_transfer.cli.recipes import run_recipe
from keras_transfer.cli.recipes.read_recipe import read_recipe
from tests.cli.recipes import recipe_text

#: Without convolutions it takes less time.
ADAPTATION = recipe_text.ADAPTATION.replace(
    '"digits"\n\n[method]', '"dense"\n\n[method]'
)


def _recipe(folder, *changes, text=ADAPTATION):
    return read_recipe(recipe_text.write(folder, text, *changes))


def _run(recipe, out, data=None, seeds=None):
    rows = run_recipe.load(recipe, data)
    return run_recipe.run_recipe(recipe, rows, out, seeds, verbose=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A recipe of two seeds, its folder and its report."""
    folder = tmp_path_factory.mktemp("recipe")
    recipe = _recipe(folder, ("[method]", "[export]\n\n[method]"))
    return recipe, folder / "out", _run(recipe, folder / "out")


@pytest.mark.slow
def test_the_report_sums_up_the_seeds(finished):
    recipe, out, report = finished
    assert json.loads((out / "results.json").read_text()) == report
    assert [run["seed"] for run in report["runs"]] == [0, 1]
    for name, mean in report["mean"].items():
        values = [run["figures"][name] for run in report["runs"]]
        assert mean == pytest.approx(np.mean(values), abs=1e-4)
        spread = report["spread"][name]
        assert spread == pytest.approx(np.std(values, ddof=1), abs=1e-4)
    assert report["settings"] == recipe.settings()
    assert report["recorded"] is None
    assert report["versions"]["keras"] == keras.__version__


@pytest.mark.slow
def test_every_seed_has_a_run_folder(finished):
    _, out, report = finished
    runs = run_folder.find(out)
    assert [run.path.name for run in runs] == ["seed_0", "seed_1"]
    for run, result in zip(runs, report["runs"], strict=True):
        assert run.facts["status"] == "finished"
        assert run.facts["seed"] == result["seed"]
        # Shares, as the other commands write them.
        for name, figure in result["figures"].items():
            unit = 1 if name == "information_minus_risk" else 100
            found = run.facts["figures"][name]
            assert unit * found == pytest.approx(figure)
        assert run.num_epochs == 2
        assert (run.path / run_folder.EVIDENCE).exists()


@pytest.mark.slow
def test_the_first_seed_is_exported(finished):
    _, out, report = finished
    served = out / "served" / "digits" / "1"
    assert report["saved_model"] == str(served)
    assert not (out / "served" / "digits" / "2").exists()
    predict = tf.saved_model.load(str(served)).signatures["predict"]
    assert predict(rows=tf.zeros((2, 28, 28, 3)))["logits"].shape == (2, 10)


@pytest.mark.slow
def test_finished_seeds_are_not_repeated(finished, monkeypatch):
    recipe, out, report = finished
    trained = []
    monkeypatch.setattr(
        run_recipe, "_run_seed", lambda *args: trained.append(args[2])
    )
    assert _run(recipe, out) == report
    one = _run(recipe, out, seeds=[1])
    assert [run["seed"] for run in one["runs"]] == [1]
    assert one["spread"] == {}
    with pytest.raises(FileNotFoundError):
        _run(recipe, out, seeds=[1, 7])
    assert trained == [7]


@pytest.mark.slow
def test_a_seed_that_was_killed_is_run_again_with_equal_figures(
    finished, tmp_path, monkeypatch
):
    recipe, _, report = finished

    def killed(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # Trained and logged, and then killed.
        patch.setattr(run_recipe, "_export", killed)
        with pytest.raises(KeyboardInterrupt):
            _run(recipe, tmp_path, seeds=[1])
    assert (tmp_path / "seed_1" / run_folder.RUN).exists()
    assert not (tmp_path / "seed_1" / run_recipe.RESULT).exists()
    again = _run(recipe, tmp_path, seeds=[1])
    # Alone or after another seed: the same.
    assert again["runs"][0]["figures"] == report["runs"][1]["figures"]


@pytest.mark.slow
def test_a_changed_recipe_is_refused_in_the_same_folder(finished, tmp_path):
    _, out, _ = finished
    export = ("[method]", "[export]\n\n[method]")
    changed = _recipe(tmp_path, export, ("epochs = 2", "epochs = 4"))
    message = r"\[budget\] epochs was 2 and is 4. Give another --out"
    with pytest.raises(ValueError, match=message):
        _run(changed, out)
    without = _recipe(tmp_path)
    with pytest.raises(ValueError, match=r"\[export\] was .* and is None"):
        _run(without, out)
    # Words decide nothing.
    words = _recipe(tmp_path, export, ("over photographs", "over photos"))
    assert _run(words, out)["description"] == "Digits over photos."


def test_features_have_a_run_folder_without_epochs(tmp_path, fake_data):
    recipe = _recipe(tmp_path, text=recipe_text.SUBSPACE)
    report = _run(recipe, tmp_path / "out", fake_data)
    (run,) = run_folder.find(tmp_path / "out")
    assert run.num_epochs == 0
    figures = report["runs"][0]["figures"]
    share = run.facts["figures"]["target_test"]
    assert 100 * share == pytest.approx(figures["target_test"])
    assert run.facts["status"] == "finished"
    assert run.facts["model"]["class"] == "keras_transfer.SubspaceAlignment"
    assert report["saved_model"] is None


def test_features_have_the_facts_that_a_training_has(tmp_path, fake_data):
    recipe = _recipe(tmp_path, text=recipe_text.SUBSPACE)
    _run(recipe, tmp_path / "out", fake_data)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    log = callbacks.RunLog(tmp_path / "log")
    x = np.ones((2, 1))
    model.fit(x, x, verbose=0, callbacks=[log])
    (run,) = run_folder.find(tmp_path / "out")
    expected = run_folder.read(tmp_path / "log").facts
    assert set(run.facts) == set(expected) - {"session"}
    for part in ("model", "budget", "best", "timings"):
        assert set(run.facts[part]) == set(expected[part])


def test_recorded_figures_are_beside_the_new_ones(tmp_path, fake_data):
    text = recipe_text.SUBSPACE + (
        "\n[figures]\ndate = 2026-11-30\nmean = {target_test = 12.5}\n"
    )
    recipe = _recipe(tmp_path, text=text)
    report = _run(recipe, tmp_path / "out", fake_data)
    assert report["recorded"] == {
        "date": "2026-11-30",
        "mean": {"target_test": 12.5},
        "spread": {},
    }


def test_a_run_is_prepared_from_the_seed_alone():
    recipe_path = recipe_text.SHIPPED / "digits_on_photos.toml"
    recipe = read_recipe(recipe_path)
    rows = run_recipe.load(recipe)
    first = run_recipe.prepared(recipe, rows, 3)
    np.random.default_rng().random(3)
    keras.random.normal((2,))
    second = run_recipe.prepared(recipe, rows, 3)
    for a, b in zip(
        first.model.get_weights(), second.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)
    other = run_recipe.prepared(recipe, rows, 4)
    assert (other.model.get_weights()[0] != first.model.get_weights()[0]).any()
