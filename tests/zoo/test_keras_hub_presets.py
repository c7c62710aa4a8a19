"""KerasHub's presets through the zoo, where KerasHub is installed."""

import importlib.util

import keras
import pytest

from keras_transfer import zoo
from keras_transfer.zoo import keras_hub_presets
from keras_transfer.zoo.card import Card

IS_INSTALLED = importlib.util.find_spec("keras_hub") is not None
installed = pytest.mark.skipif(
    not IS_INSTALLED, reason="keras-hub is not installed"
)


@pytest.fixture
def without_keras_hub(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "keras_hub" else find_spec(name),
    )
    keras_hub_presets.cards.cache_clear()
    yield
    keras_hub_presets.cards.cache_clear()


def test_without_keras_hub_its_names_say_how_to_get_it(without_keras_hub):
    assert zoo.list_backbones("keras_hub/*") == []
    with pytest.raises(ValueError, match="pip install keras-hub"):
        zoo.load("keras_hub/resnet_50_imagenet")


@installed
def test_presets_are_cards():
    card = zoo.find_card("keras_hub/resnet_50_imagenet")
    assert card.handle.startswith("kaggle://") and card.task == "image"
    assert card.parameters == 23_561_152
    assert zoo.find_card("keras_hub/bert_tiny_en_uncased").task == "text"
    assert len(zoo.list_backbones("keras_hub/*", task="image")) > 50


@installed
@pytest.mark.slow
def test_a_preset_becomes_a_pooled_model(tmp_path):
    import keras_hub

    network = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64],
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
    )
    network.save_to_preset(str(tmp_path))
    converter = keras_hub.layers.ResNetImageConverter(
        image_size=(32, 32), scale=1 / 255.0
    )
    converter.save_to_preset(str(tmp_path))
    card = Card(name="mine", source="keras_hub", handle=str(tmp_path))
    backbone = keras_hub_presets.build(card, trainable=False)
    inputs = keras.Input((40, 40, 3))
    assert backbone.preprocessing(inputs).shape == (None, 32, 32, 3)
    assert backbone(backbone.preprocessing(inputs)).shape == (None, 64)
    assert not backbone.trainable_variables
