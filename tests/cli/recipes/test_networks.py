"""The networks that recipes know by name."""

import keras
import numpy as np
import pytest

from keras_transfer.cli import quickstart
from keras_transfer.cli.recipes import networks
from keras_transfer.cli.recipes.recipe import Model


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_with_classes_there_are_logits_else_features(name):
    shape = (28, 28, 1)
    settings = Model(network=name, units=(5, 7), dropout=0.5)
    model = networks.network(settings, shape, 10)
    pixels = np.full((2, *shape), 200, "uint8")
    assert model(pixels).shape == (2, 10)
    assert model.layers[-1].name == "logits"
    features = networks.network(settings, shape)
    assert "logits" not in [layer.name for layer in features.layers]
    assert features(pixels).shape[0] == 2


def test_options_reach_the_network():
    def kinds(**settings):
        model = networks.network(Model(**settings), (28, 28, 1), 10)
        return [type(layer).__name__ for layer in model.layers], model

    plain, _ = kinds(network="lenet", batch_norm=False)
    assert "BatchNormalization" not in plain
    normalised, _ = kinds(network="lenet")
    assert normalised.count("BatchNormalization") == 3
    _, model = kinds(network="dense", units=(5, 7), batch_norm=False)
    widths = [w.shape[-1] for w in model.weights if len(w.shape) == 2]
    assert widths == [5, 7, 10]
    _, model = kinds(network="digits", dropout=0.25)
    rates = {
        layer.rate
        for layer in model.layers
        if isinstance(layer, keras.layers.Dropout)
    }
    assert rates == {0.25}


def test_a_backbone_has_its_preprocessing_in_the_model():
    settings = Model(backbone="omniglot_conv4", dropout=0.5)
    features = networks.network(settings, (28, 28, 1))
    assert features.output_shape == (None, 64)
    names = [type(layer).__name__ for layer in features.layers]
    assert names == ["InputLayer", "ImagePreprocessing", "HubBackbone"]
    model = networks.network(settings, (28, 28, 1), 10)
    assert model.output_shape == (None, 10)
    assert type(model.layers[-2]) is keras.layers.Dropout


def test_quickstart_has_the_network_of_the_smallest_recipe():
    model = quickstart.digit_model()
    assert model.input_shape == (None, 28, 28, 3)
    assert model.output_shape == (None, 10)
    # Convolutions, batch norms, hidden layer and head, by hand.
    assert model.count_params() == (
        (1824 + 96) + (10416 + 192) + (27712 + 256) + (36928 + 256) + 650
    )
    assert model.get_layer("features").output.shape == (None, 64)
