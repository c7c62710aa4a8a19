"""Where an adapter goes in a model, and where it cannot."""

import typing

import keras

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.adapters import adapted_attention
from keras_transfer.finetune.adapters.adapted_attention import AdaptedAttention
from keras_transfer.finetune.adapters.adapted_layer import AdaptedLayer
from keras_transfer.finetune.adapters.graph_layers import graph_layers
from keras_transfer.finetune.adapters.graph_layers import projections
from keras_transfer.finetune.adapters.side_tuning import SideTuning
from keras_transfer.training import layer_tree


class Place(typing.NamedTuple):
    """A layer that an adapter could go to.

    Attributes:
        path: Path of the layer in the model.
        layer: The layer, or the projection inside an attention layer.
        reason: Why it cannot go there, or `None`.
    """

    path: str
    layer: keras.layers.Layer
    reason: str | None


def reach(model, adapter, without=()):
    """All places in a model that the target of an adapter names.

    Args:
        model: A Functional or Sequential model.
        adapter: The adapter.
        without: Ids of layers of the graph that are left out.

    Returns:
        List of `Place`, in the order of the graph.
    """
    if isinstance(adapter, SideTuning):
        return _side_places(model, adapter)
    found = []
    for path, layer in graph_layers(model):
        if id(layer) in without:
            continue
        if isinstance(
            layer, AdaptedAttention | keras.layers.MultiHeadAttention
        ):
            found += _attention_places(path, layer, adapter)
        elif isinstance(layer, AdaptedLayer):
            found += _place(path, layer, layer.layer, adapter)
        else:
            found += _place(path, layer, layer, adapter)
            found += _hidden_places(path, layer, adapter)
    return found


def _place(path, layer, base, adapter, reason=None):
    if not adapter.wants(path) or not adapter.applies(base):
        return []
    return [Place(path, layer, reason or adapter.refusal(base))]


def _attention_places(path, layer, adapter):
    reason = None
    if not isinstance(layer, AdaptedAttention):
        reason = adapted_attention.refusal(layer)
    return [
        place
        for name, part in projections(layer).items()
        for place in _place(
            f"{path}/{name}",
            part,
            getattr(part, "layer", part),
            adapter,
            reason,
        )
    ]


def _hidden_places(path, layer, adapter):
    reason = f"is hidden inside the {type(layer).__name__} {path!r}"
    return [
        place
        for inner, part in layer_tree.nodes(layer)
        for place in _place(f"{path}/{inner}", part, part, adapter, reason)
    ]


def _side_places(model, adapter):
    every = [
        (layer.name, layer)
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    found = [
        Place(name, layer, None) for name, layer in every if adapter.wants(name)
    ]
    if len(found) != 1:
        raise invalid_argument(
            "target",
            list(adapter.target),
            "the name of one layer of the model, out of "
            + ", ".join(repr(name) for name, _ in every),
        )
    return found
