"""The layers of a model that can be replaced when it is cloned."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.finetune.adapters.abstract_adapted import AbstractAdapted
from keras_transfer.finetune.adapters.adapted_attention import PROJECTIONS
from keras_transfer.finetune.adapters.adapted_attention import AdaptedAttention
from keras_transfer.training.layer_tree import Node


def is_graph(layer):
    """Whether a layer is a Functional or Sequential model."""
    return isinstance(layer, keras.Model) and bool(
        getattr(layer, "inputs", None)
    )


def check_graph(model):
    """Raises if a model is not a built Functional or Sequential one."""
    if not isinstance(model, keras.Model) or not is_graph(model):
        raise invalid_argument(
            "model",
            model,
            "a built Functional or Sequential keras.Model",
            "The layers of a subclassed model cannot be replaced; write it "
            "with keras.Model(inputs, outputs), or give such a part of it.",
        )


def graph_layers(model):
    """The layers of the graph, also of nested graphs, each once.

    Args:
        model: A Functional or Sequential model.

    Returns:
        A list of `Node`, without nested models themselves and without input
        layers.
    """
    found, seen = [], set()

    def visit(graph, prefix):
        for layer in graph.layers:
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            if is_graph(layer):
                visit(layer, f"{prefix}{layer.name}/")
            elif not isinstance(layer, keras.layers.InputLayer):
                found.append(Node(f"{prefix}{layer.name}", layer))

    visit(model, "")
    return found


def projections(layer):
    """The projections of an attention layer, by their names."""
    if isinstance(layer, AdaptedAttention):
        return dict(zip(PROJECTIONS, layer.projections, strict=True))
    layers = (
        layer.query_dense,
        layer.key_dense,
        layer.value_dense,
        layer.output_dense,
    )
    return dict(zip(PROJECTIONS, layers, strict=True))


def adapted_layers(model):
    """Nodes of the layers that hold adapters, those in attention too."""
    found = []
    for path, layer in graph_layers(model):
        if isinstance(layer, AbstractAdapted):
            found.append(Node(path, layer))
        elif isinstance(layer, AdaptedAttention):
            found += [
                Node(f"{path}/{name}", part)
                for name, part in projections(layer).items()
                if isinstance(part, AbstractAdapted)
            ]
    return found


def other_learning_layers(model):
    """Nodes of the layers that learn beside the adapters, as a new head."""
    return [
        node
        for node in graph_layers(model)
        if not isinstance(node.layer, AbstractAdapted | AdaptedAttention)
        and node.layer.trainable_weights
    ]


def adapters_of(model):
    """Dict from name to adapter, in the order in which they came."""
    found = {}
    for _, layer in adapted_layers(model):
        found.update(layer.adapters)
    return found


def check_name(model, name, argument="name"):
    """Raises if a model has no adapter of a name."""
    check_graph(model)
    known = adapters_of(model)
    if not known:
        raise invalid_argument(
            "model", model, "a model with adapters, from add_adapters"
        )
    if name not in known:
        raise unknown_name(argument, name, known)
