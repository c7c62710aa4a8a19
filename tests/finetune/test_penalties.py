"""How a penalty joins the training."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.batch_spectral_shrinkage import (
    BatchSpectralShrinkage,
)
from keras_transfer.finetune.delta import Delta
from keras_transfer.finetune.penalties import add_penalty


def _model():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, name="hidden"),
            keras.layers.Dense(2, name="head"),
        ]
    )


def test_smallest_singular_value_shrinks(generator):
    model = _model()
    x = generator.normal(size=(16, 4)).astype("float32")
    hidden = keras.Model(model.inputs[0], model.get_layer("hidden").output)

    def smallest():
        return np.linalg.svd(np.array(hidden(x)), compute_uv=False)[-1]

    before = smallest()
    penalty = BatchSpectralShrinkage(strength=0.1)
    training = add_penalty(model, penalty)
    training.compile(keras.optimizers.SGD(0.05), lambda y, z: 0.0 * z[:, 0])
    training.fit(x, np.zeros((16, 2)), epochs=5, batch_size=16, verbose=0)
    assert smallest() < 0.9 * before


def test_the_model_stays_plain(tmp_path):
    model = _model()
    training = add_penalty(model, BatchSpectralShrinkage(strength=0.1))
    training.compile("sgd", "mse")
    training.fit(np.eye(4), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [type(layer) for layer in loaded.layers] == [keras.layers.Dense] * 2
    assert training.model is model
    assert not model.compiled


@pytest.mark.parametrize(
    ("model", "penalty", "features", "message"),
    [
        (keras.layers.Dense(2), BatchSpectralShrinkage(), None, "`model`"),
        (_model(), "bss", None, "`penalty`"),
        (_model(), Delta("hidden"), "hidden", "leave out features="),
        (keras.Sequential(), BatchSpectralShrinkage(), None, "no weights"),
    ],
    ids=["layer", "text", "features", "unbuilt"],
)
def test_wrong_arguments_are_refused(model, penalty, features, message):
    with pytest.raises(ValueError, match=message):
        add_penalty(model, penalty, features)
