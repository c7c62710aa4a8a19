"""Model files as commands are given them."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from keras_transfer.cli import model_file
from tests.export import exported


def test_a_plain_model_comes_back(tmp_path):
    model = exported.number_model()
    model.save(tmp_path / "model.keras")
    loaded = model_file.load(tmp_path / "model.keras")
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert not loaded.compiled


def test_of_a_trainer_the_model(tmp_path):
    trainer = kt.adaptation.DomainAdaptation(
        exported.image_model(), alignment="deep_coral"
    )
    trainer.compile("sgd", "mse")
    trainer.save(tmp_path / "trainer.keras")
    loaded = model_file.load(tmp_path / "trainer.keras")
    assert not isinstance(loaded, kt.adaptation.DomainAdaptation)
    assert loaded.output_names == ["logits"]


def test_code_asks_for_trust(tmp_path):
    path = tmp_path / "model.keras"
    double = keras.layers.Lambda(lambda x: 2 * x, output_shape=(4,))
    keras.Sequential([keras.Input((4,)), double]).save(path)
    with pytest.raises(ValueError, match="--trust"):
        model_file.load(path)
    loaded = model_file.load(path, trust=True)
    assert loaded(np.ones((1, 4), "float32"))[0, 0] == 2


@keras.saving.register_keras_serializable("tests")
class Forgotten(keras.layers.Layer):
    """A layer that nobody can find again."""


def test_what_cannot_be_loaded(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    with pytest.raises(ValueError, match="There is no model file"):
        model_file.load(path)
    with pytest.raises(ValueError, match="There is no model file"):
        model_file.load(tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="cannot be loaded"):
        model_file.load(path)
    keras.Sequential([keras.Input((4,)), Forgotten()]).save(path)
    objects = keras.saving.get_custom_objects()
    monkeypatch.delitem(objects, "tests>Forgotten")
    monkeypatch.setattr(Forgotten, "__module__", "nowhere")
    monkeypatch.delitem(globals(), "Forgotten")
    with pytest.raises(ValueError, match="Could not locate class 'Forg") as no:
        model_file.load(path)
    assert "config" not in str(no.value)
