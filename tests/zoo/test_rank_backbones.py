import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer import zoo
from keras_transfer.transferability.h_score import h_score
from keras_transfer.transferability.leep import leep
from keras_transfer.transferability.logme import logme
from keras_transfer.transferability.nce import nce
from keras_transfer.zoo.rank_backbones import rank_backbones

SCORES = ("h_score", "logme", "regularized_h_score", "transrate")


def _data(generator, rows=60):
    """Labels in the first three columns, noise in the others."""
    y = np.arange(rows) % 3
    x = generator.normal(size=(rows, 6)).astype("float32")
    x[:, :3] = 0.2 * x[:, :3] + np.eye(3)[y]
    return x, y


CANDIDATES = {
    "noise": lambda x: x[:, 3:],
    "signal": lambda x: x[:, :3],
    "both": lambda x: x,
}


def test_scores_are_those_of_the_features(generator):
    x, y = _data(generator)
    ranking = rank_backbones(CANDIDATES, (x, y), SCORES, verbose=0)
    assert ranking.scores == SCORES
    assert ranking.num_rows == 60
    rows = {row["name"]: row for row in ranking.rows}
    assert rows["signal"]["scores"]["logme"] == logme(x[:, :3], y)
    assert rows["both"]["scores"]["h_score"] == h_score(x, y)
    assert rows["both"]["features"] == 6
    assert rows["both"]["parameters"] is None
    assert rows["both"]["seconds"] > 0


def test_the_first_score_decides_the_order(generator):
    data = _data(generator)
    for score in SCORES:
        ranking = rank_backbones(CANDIDATES, data, score, verbose=0)
        values = [row["scores"][score] for row in ranking.rows]
        assert values == sorted(values, reverse=True)
    assert rank_backbones(CANDIDATES, data, verbose=0).names == [
        *("signal", "both", "noise")
    ]


def test_each_backbone_sees_the_rows_once(generator):
    seen = []

    def counting(x):
        seen.append(len(x))
        return x

    rank_backbones(
        {"a": counting}, _data(generator), SCORES, batch_size=25, verbose=0
    )
    assert seen == [25, 25, 10]


def test_a_dataset_in_new_orders_is_fine_and_new_rows_are_not(generator):
    x, y = _data(generator)
    shuffled = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(60)
    ranking = rank_backbones(CANDIDATES, shuffled.batch(9), verbose=0)
    expected = rank_backbones(CANDIDATES, (x, y), verbose=0)
    for row, other in zip(ranking.rows, expected.rows, strict=True):
        assert row["name"] == other["name"]
        assert row["scores"] == pytest.approx(other["scores"])
    with pytest.raises(ValueError, match="other rows.*`.cache..`"):
        rank_backbones(CANDIDATES, shuffled.take(20).batch(9), verbose=0)


def test_names_of_the_zoo_and_models(generator):
    x = generator.uniform(0, 255, (12, 28, 28, 3)).astype("float32")
    y = np.arange(12) % 2
    model = keras.Sequential(
        [keras.Input((28, 28, 3)), keras.layers.GlobalAveragePooling2D()]
    )
    ranking = rank_backbones(
        {"shipped": "omniglot_conv4", "mine": model}, (x, y), verbose=0
    )
    assert sorted(ranking.names) == ["mine", "shipped"]
    rows = {row["name"]: row for row in ranking.rows}
    assert rows["shipped"]["features"] == 64
    assert rows["shipped"]["parameters"] == (
        zoo.load("omniglot_conv4").count_params()
    )
    assert rows["mine"]["parameters"] == 0
    alone = rank_backbones(["omniglot_conv4"], (x, y), verbose=0)
    assert alone.rows[0]["scores"] == rows["shipped"]["scores"]


def test_classifiers_give_leep_and_nce_and_others_say_so(generator):
    x, y = _data(generator)
    head = keras.layers.Dense(4)
    probabilities = keras.ops.softmax(head(x))
    ranking = rank_backbones(
        CANDIDATES,
        (x, y),
        ("leep", "nce", "logme"),
        classifiers={"both": head},
        verbose=0,
    )
    assert ranking.names[0] == "both"
    found = ranking.rows[0]["scores"]
    assert found["leep"] == pytest.approx(leep(probabilities, y), abs=1e-6)
    assert found["nce"] == pytest.approx(nce(probabilities, y))
    for row in ranking.rows[1:]:
        assert row["scores"]["leep"] is row["scores"]["nce"] is None
    assert " -  " in str(ranking)
    assert str(ranking).splitlines()[-1] == (
        "- leep and nce: needs the probabilities of a source classifier, "
        "which this backbone has not got (see `classifiers`)."
    )


def test_probabilities_are_taken_as_such(generator):
    x, y = _data(generator)
    logits = generator.normal(size=(60, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = [
        rank_backbones(
            {"a": lambda x: x},
            (given, y),
            "leep",
            classifiers={"a": keras.layers.Identity()},
            verbose=0,
        ).rows[0]["scores"]["leep"]
        for given in (logits, probabilities)
    ]
    assert found[0] == pytest.approx(leep(probabilities, y), abs=1e-6)
    assert found[1] == pytest.approx(found[0], abs=1e-6)


def test_regression_has_logme_only(generator):
    x, _ = _data(generator)
    y = x[:, 0] + 0.1 * x[:, 1]
    ranking = rank_backbones(CANDIDATES, (x, y), task="regression", verbose=0)
    assert ranking.scores == ("logme",)
    assert ranking.names[-1] == "noise"
    expected = logme(x, y, task="regression")
    rows = {row["name"]: row for row in ranking.rows}
    assert rows["both"]["scores"]["logme"] == expected
    with pytest.raises(ValueError, match="`scores`.*one of 'logme'"):
        rank_backbones(
            CANDIDATES, (x, y), "h_score", task="regression", verbose=0
        )


def test_the_bar_is_silent_on_request(generator, capfd):
    rank_backbones(CANDIDATES, _data(generator), verbose=0)
    assert capfd.readouterr().err == ""
    rank_backbones(CANDIDATES, _data(generator))
    assert "3 backbones" in capfd.readouterr().err.replace("/3", " backbones")


def test_wrong_arguments_are_refused_before_anything_is_loaded(generator):
    def failing(x):
        raise AssertionError("it was run")

    data = _data(generator)
    run = {"a": failing}
    with pytest.raises(ValueError, match="Did you mean 'h_score'"):
        rank_backbones(run, data, ("logme", "hscore"))
    with pytest.raises(ValueError, match="`scores`.*different names"):
        rank_backbones(run, data, ("logme", "logme"))
    with pytest.raises(ValueError, match="`task`.*'regression'"):
        rank_backbones(run, data, task="ranking")
    with pytest.raises(ValueError, match="`classifiers`.*one of 'a'"):
        rank_backbones(run, data, classifiers={"b": failing})
    with pytest.raises(ValueError, match="`candidates`.*different names"):
        rank_backbones(["omniglot_conv4"] * 2, data)
    with pytest.raises(ValueError, match="`candidates`.*at least one"):
        rank_backbones([], data)
    with pytest.raises(ValueError, match="`candidates`.*or functions"):
        rank_backbones({"a": 3}, data)
    with pytest.raises(ValueError, match="a pair of arrays"):
        rank_backbones(run, data[0])


def test_a_backbone_that_gives_nan_is_named(generator):
    with pytest.raises(ValueError, match="'broken' gives has a NaN"):
        rank_backbones(
            {"broken": lambda x: x * np.nan}, _data(generator), verbose=0
        )


def test_a_classifier_without_classes_is_refused(generator):
    with pytest.raises(ValueError, match="`classifiers`.*each source class"):
        rank_backbones(
            {"a": lambda x: x},
            _data(generator),
            "leep",
            classifiers={"a": lambda features: features[:, :1]},
            verbose=0,
        )
