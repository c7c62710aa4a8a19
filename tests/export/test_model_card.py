"""The card of an export and its checksums."""

import hashlib
import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import model_card
from keras_transfer.export.check import Check
from keras_transfer.export.difference import Difference
from keras_transfer.export.report import Report
from tests.export.exported import number_model
from tests.export.exported import predict_signature


@pytest.fixture
def version(tmp_path):
    """A folder with a file, a card and a manifest."""
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "data").write_bytes(b"numbers")
    served, signature = predict_signature(number_model())
    report = Report(
        tmp_path,
        [Check("predict", "pass", "fine")],
        {"predict": Difference(1e-7, 1.0)},
    )
    facts = {"metrics": {"accuracy": 0.5}}
    model_card.write(tmp_path, served, {"predict": signature}, report, facts)
    return tmp_path


def test_contents(version):
    card = model_card.read(version)
    assert card["parameters"] == 4 * 2 + 2
    assert card["metrics"] == {"accuracy": 0.5}
    assert card["versions"] == {
        "keras_transfer": kt.__version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    assert card["signatures"] == {
        "predict": {"numbers": {"shape": [None, 4], "dtype": "float32"}}
    }
    assert card["backbones"] == []
    assert card["created"].endswith("+00:00")
    assert card["verification"] == {
        "largest_difference": 1e-7,
        "differences": {"predict": {"largest": 1e-7, "agreement": 1.0}},
        "checks": [{"name": "predict", "status": "pass", "text": "fine"}],
    }


def test_the_card_of_the_backbone_is_in_it(tmp_path):
    backbone = kt.zoo.load("omniglot_conv4")
    inputs = keras.Input((28, 28, 1), name="image")
    model = keras.Model(inputs, keras.layers.Dense(2)(backbone(inputs)))
    served, signature = predict_signature(model)
    report = Report(tmp_path, [], {})
    model_card.write(tmp_path, served, {"predict": signature}, report, {})
    (card,) = model_card.read(tmp_path)["backbones"]
    assert card == backbone.card.to_dict()


def test_the_manifest_has_all_files_but_itself(version):
    manifest = json.loads((version / model_card.MANIFEST).read_text())
    assert sorted(manifest["sha256"]) == [
        "assets.extra/model_card.json",
        "saved_model.pb",
        "variables/data",
    ]
    digest = hashlib.sha256(b"graph").hexdigest()
    assert manifest["sha256"]["saved_model.pb"] == digest
    assert model_card.changed_files(version) == []


def test_changed_missing_and_added_files_are_told(version):
    (version / "saved_model.pb").write_bytes(b"other")
    (version / "variables" / "data").unlink()
    (version / "added").write_bytes(b"")
    assert model_card.changed_files(version) == [
        "added",
        "saved_model.pb",
        "variables/data",
    ]


def test_without_manifest_nothing_is_known(tmp_path):
    assert model_card.changed_files(tmp_path) is None
    assert model_card.read(tmp_path) == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"other": 1}', '{"sha256": 1}'])
def test_a_broken_manifest_has_changed(version, text):
    (version / model_card.MANIFEST).write_text(text)
    assert model_card.changed_files(version) == [model_card.MANIFEST]


def test_a_broken_card_is_no_card(version):
    (version / model_card.CARD).write_text("{")
    assert model_card.read(version) == {}


def test_numbers_of_numpy_are_stored():
    facts = {
        "accuracy": np.float32(0.5),
        "confusion": np.eye(2, dtype="int64"),
        "data": pathlib.PurePosixPath("photos/flowers"),
    }
    assert model_card.storable(facts) == {
        "accuracy": 0.5,
        "confusion": [[1, 0], [0, 1]],
        "data": "photos/flowers",
    }


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(ValueError, match="`card`.*JSON"):
        model_card.storable({"metrics": value})
