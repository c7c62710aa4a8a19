"""Backbones of KerasHub, where it is installed."""

import functools
import importlib.util

import keras

from keras_transfer._public import invalid_argument
from keras_transfer.zoo.card import Card
from keras_transfer.zoo.keras_applications import attach_preprocessing

PREFIX = "keras_hub/"


@functools.cache
def cards():
    """The presets that KerasHub lists, as cards; none without KerasHub.

    Returns:
        Dict from name, `keras_hub/PRESET`, to `Card`.
    """
    if importlib.util.find_spec("keras_hub") is None:
        return {}
    import keras_hub

    presets = keras_hub.models.Backbone.presets
    converters = {
        "image": keras_hub.layers.ImageConverter.presets,
        "text": keras_hub.tokenizers.Tokenizer.presets,
        "audio": keras_hub.layers.AudioConverter.presets,
    }
    return {
        f"{PREFIX}{name}": _card(name, preset, converters)
        for name, preset in sorted(presets.items())
    }


def build(card, trainable=False, pretrained=True, **arguments):
    """Builds a KerasHub backbone.

    Args:
        card: The `Card`; its handle is a preset, or a folder that holds one.
        trainable: Boolean, whether the variables learn.
        pretrained: Whether to load the preset's weights, or to make new ones.
        **arguments: Passed to `keras_hub.models.Backbone.from_preset`.

    Returns:
        For images a Functional `keras.Model` from images to `(batch,
        features)`, with the preset's own image converter as the attribute
        `preprocessing`. For anything else the backbone as KerasHub makes it;
        its preprocessing belongs into `tf.data` there.
    """
    import keras_hub

    backbone = keras_hub.models.Backbone.from_preset(
        card.handle, load_weights=pretrained, **arguments
    )
    backbone.trainable = trainable
    output = backbone.output
    if not isinstance(output, keras.KerasTensor) or len(output.shape) != 4:
        return backbone
    axes = (1, 2) if backbone.data_format == "channels_last" else (2, 3)
    model = keras.Model(
        backbone.input, keras.ops.mean(output, axis=axes), name=backbone.name
    )
    converter = keras_hub.layers.ImageConverter.from_preset(card.handle)
    attach_preprocessing(model, converter)
    return model


def require(name):
    """Says how to get KerasHub if a name needs it and it is missing.

    Raises:
        ValueError: If it is not installed.
    """
    if name.startswith(PREFIX) and not cards():
        raise invalid_argument(
            "name", name, "KerasHub to be installed", "pip install keras-hub."
        )


def _card(name, preset, converters):
    facts = preset["metadata"]
    takes = tuple(kind for kind, names in converters.items() if name in names)
    return Card(
        name=f"{PREFIX}{name}",
        source="keras_hub",
        handle=preset["kaggle_handle"],
        # What can be said without building it: what its inputs are made by.
        task=takes[0] if len(takes) == 1 else "other",
        summary=facts.get("description", ""),
        version=preset["kaggle_handle"].split("/")[-1],
        parameters=facts.get("params"),
    )
