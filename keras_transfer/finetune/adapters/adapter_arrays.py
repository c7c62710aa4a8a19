"""What belongs to one adapter of a model, by name."""

from keras_transfer.finetune.adapters.graph_layers import adapted_layers
from keras_transfer.finetune.adapters.graph_layers import graph_layers
from keras_transfer.finetune.adapters.graph_layers import other_learning_layers
from keras_transfer.finetune.adapters.side_layer import SideLayer


def adapter_variables(model, name):
    """The weights of an adapter.

    Args:
        model: A model from `add_adapters`.
        name: Name of the adapter.

    Returns:
        Dict from `"path:number"` to variable.
    """
    return {
        f"{_place(path, layer, name)}:{number}": weight
        for path, layer in adapted_layers(model)
        if name in layer.branches
        for number, weight in enumerate(layer.branches[name].own_weights)
    }


def variables_beside(model, paths=None):
    """The weights of layers that learn beside the adapters.

    Args:
        model: A model from `add_adapters`.
        paths: Paths of the layers; by default all that learn.

    Returns:
        Dict from `"path:number"` to variable.
    """
    return {
        f"{path}:{number}": weight
        for path, layer in _layers_beside(model, paths)
        for number, weight in enumerate(layer.weights)
    }


def _place(path, layer, name):
    """The path without the name that the adapter has in this model."""
    return (
        path.removesuffix(f"_{name}") if isinstance(layer, SideLayer) else path
    )


def _layers_beside(model, paths):
    if paths is None:
        return other_learning_layers(model)
    return [node for node in graph_layers(model) if node.path in paths]
