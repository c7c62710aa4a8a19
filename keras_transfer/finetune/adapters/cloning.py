"""A model once more, with some layers replaced."""

import contextlib
import pathlib
import tempfile

import keras

from keras_transfer.finetune.adapters.adapted_attention import AdaptedAttention
from keras_transfer.finetune.adapters.adapted_layer import AdaptedLayer
from keras_transfer.finetune.adapters.graph_layers import graph_layers
from keras_transfer.finetune.adapters.graph_layers import is_graph
from keras_transfer.finetune.adapters.graph_layers import projections


def clone(model, replacement, inputs=None, after=None):
    """A new, uncompiled model, with the weights of the old.

    Args:
        model: A built Functional or Sequential model. It is not changed.
        replacement: Function of a layer; returns a new layer to take its
            place, or `None` for a copy of it.
        inputs: Inputs of the new model, by default `new_inputs`.
        after: Function of an old layer, a new one, its arguments and its
            keywords, which calls the new one; by default it is called.

    Returns:
        The new model.
    """
    pairs = {}

    def clone_layer(layer):
        new = replacement(layer)
        new = copied(layer) if new is None else new
        pairs[id(new)] = layer
        return new

    def call(new, *args, **kwargs):
        return after(pairs.get(id(new)), new, *args, **kwargs)

    if inputs is None and not isinstance(model, keras.Sequential):
        inputs = new_inputs(model)
    with _without_compilation(model):
        result = keras.models.clone_model(
            model,
            input_tensors=inputs,
            clone_function=clone_layer,
            call_function=None if after is None else call,
            recursive=True,
        )
    if not result.built:
        result.build(model.input_shape)
    for _, new in graph_layers(result):
        # What `after` adds is in no pair.
        if id(new) in pairs:
            copy_state(pairs[id(new)], new)
    return result


def new_inputs(model):
    """Inputs of the same shapes and names as a Functional model's."""
    # Keras would name them after tensors.
    names = {
        id(layer.output): layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.InputLayer)
    }
    return keras.tree.map_structure(
        lambda x: keras.Input(
            batch_shape=x.shape, dtype=x.dtype, name=names.get(id(x))
        ),
        model.input,
    )


def copied(layer):
    """A new layer of the same configuration, without the weights."""
    if isinstance(layer, keras.layers.Lambda):
        return _copied_lambda(layer)
    try:
        new = type(layer).from_config(layer.get_config())
    except Exception as error:
        raise ValueError(
            f"The layer {layer.name!r} cannot be copied. Its class "
            f"{type(layer).__name__} needs a get_config() with all arguments "
            "of its __init__()."
        ) from error
    # Keras leaves it out where a class has no get_config() of its own.
    new.name = layer.name
    return new


def copy_state(old, new):
    """Weights and other state of one layer to another of its kind.

    Either of them may be an adapted layer and the other not; adapters go
    where they have a place.
    """
    attentions = (keras.layers.MultiHeadAttention, AdaptedAttention)
    if isinstance(old, AdaptedLayer) or isinstance(new, AdaptedLayer):
        _copy_adapted(old, new)
    elif isinstance(old, AdaptedAttention) or isinstance(new, AdaptedAttention):
        if isinstance(old, attentions) and isinstance(new, attentions):
            parts = projections(new)
            for name, part in projections(old).items():
                copy_state(part, parts[name])
    else:
        _copy_alike(old, new)


def _copy_adapted(old, new):
    base = old.layer if isinstance(old, AdaptedLayer) else old
    onto = new.layer if isinstance(new, AdaptedLayer) else new
    _copy_alike(base, onto)
    if isinstance(old, AdaptedLayer) and isinstance(new, AdaptedLayer):
        for name, branch in old.branches.items():
            _copy_alike(branch, new.branches[name])


def _copy_alike(old, new):
    olds, news = _with_state(old), _with_state(new)
    if len(olds) != len(news):
        raise ValueError(
            f"The layer {old.name!r} cannot be copied: a new one of its "
            "configuration has other layers inside."
        )
    for source, target in zip(olds, news, strict=True):
        # As in a file: layers may need more than to have their weights set.
        store = {}
        source.save_own_variables(store)
        if store:
            target.load_own_variables(store)
        if hasattr(source, "save_assets"):
            with tempfile.TemporaryDirectory() as folder:
                source.save_assets(folder)
                if any(pathlib.Path(folder).iterdir()):
                    target.load_assets(folder)


def _with_state(layer):
    return [
        part
        for part in layer._flatten_layers()
        if part.weights or hasattr(part, "save_assets")
    ]


def _copied_lambda(layer):
    # Its own function: out of a config it would lose the names around it.
    return type(layer)(
        layer.function,
        output_shape=layer._output_shape,
        mask=layer.mask,
        arguments=dict(layer.arguments),
        name=layer.name,
        dtype=layer.dtype_policy,
    )


@contextlib.contextmanager
def _without_compilation(model):
    """Keras would compile the clone too, with losses that it cannot copy."""
    graphs = [m for m in model._flatten_layers() if is_graph(m)]
    states = [graph.compiled for graph in graphs]
    try:
        for graph in graphs:
            graph.compiled = False
        yield
    finally:
        for graph, state in zip(graphs, states, strict=True):
            graph.compiled = state
