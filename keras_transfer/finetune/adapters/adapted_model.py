"""A model whose frozen parts stay frozen in copies and files."""

import keras

from keras_transfer._public import public
from keras_transfer.finetune.adapters.abstract_adapted import AbstractAdapted
from keras_transfer.finetune.adapters.abstract_adapted import set_trainable
from keras_transfer.finetune.adapters.adapted_attention import AdaptedAttention
from keras_transfer.finetune.adapters.graph_layers import graph_layers


@public("finetune")
class AdaptedModel(keras.Model):
    """A Functional model whose frozen layers are frozen to the inside.

    Keras saves `trainable` of each layer of the graph, but not of the layers
    that such a layer makes itself, as attention and recurrent layers do. They
    would learn again in a model that was loaded or cloned. `add_adapters`
    returns such a model if the base has such layers.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for _, layer in graph_layers(self):
            if not layer.trainable:
                set_trainable(layer, False)


def with_frozen_insides(model):
    """The same layers in an `AdaptedModel`, if it makes a difference.

    Args:
        model: A new Functional or Sequential model.

    Returns:
        The model itself, or another of the same name.
    """
    if isinstance(model, AdaptedModel) or not any(
        part is not layer and part.weights
        for _, layer in graph_layers(model)
        for part in layer._flatten_layers()
        if not isinstance(layer, AbstractAdapted | AdaptedAttention)
    ):
        return model
    return AdaptedModel(*_ends(model), name=model.name)


def without_class(model):
    """The same layers in a plain Functional model."""
    if not isinstance(model, AdaptedModel):
        return model
    return keras.Model(*_ends(model), name=model.name)


def _ends(model):
    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output
