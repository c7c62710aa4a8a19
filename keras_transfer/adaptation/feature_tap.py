"""Reads the features of inner layers while a model runs."""

import contextlib
import functools

import keras
from keras import ops
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name

_HEADS = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)


def tap(model, features=None):
    """Makes what runs a model and returns its features beside its outputs.

    Args:
        model: A built `keras.Model`.
        features: Name of a layer, or several, or `None` for the input of the
            last dense or convolutional layer of the model's own graph.

    Returns:
        A `GraphTap` for Functional and Sequential models, else a
        `RecordingTap`. Both are called as `tap(inputs, training)` and return
        `(features, outputs)`, the features as a tuple of `(rows, width)`.

    Raises:
        ValueError: If a name is unknown or the default cannot be found.
    """
    names = [features] if isinstance(features, str) else features
    if names is not None and not _are_names(names):
        raise invalid_argument(
            "features", features, "the name of a layer, or a list of names"
        )
    if _has_graph(model):
        return GraphTap(model, names)
    if names is None:
        raise ValueError(
            "A subclassed model has no graph to find the features in. Pass "
            "features= with the name of the layer whose output to align, one "
            f"of {_names_of(model)}."
        )
    return RecordingTap(model, names)


class GraphTap:
    """Runs a Functional or Sequential model with extra outputs."""

    def __init__(self, model, names):
        if names is None:
            tensors = [_default_features(model)]
        else:
            tensors = [_output_in_graph(model, name) for name in names]
        is_sequential = isinstance(model, keras.Sequential)
        self._model = keras.Model(
            model.inputs[0] if is_sequential else model.input,
            [tensors, model.outputs[0] if is_sequential else model.output],
        )
        self.feature_shapes = tuple(
            (tensor.shape[0], tensor.shape[-1]) for tensor in tensors
        )

    def __call__(self, inputs, training):
        features, outputs = self._model(inputs, training=training)
        return _pool_all(features), outputs


class RecordingTap:
    """Runs any model and notes what the named layers return."""

    feature_shapes = None  # not known before the first batch

    def __init__(self, model, names):
        layers = {layer.name: layer for layer in model._flatten_layers()}
        for name in names:
            if name not in layers:
                raise unknown_name("features", name, _names_of(model))
        self._model = model
        self._layers = [layers[name] for name in names]

    def __call__(self, inputs, training):
        with _recorded(self._layers) as records:
            outputs = self._model(inputs, training=training)
        return self._features(records), outputs

    def _features(self, records):
        for layer, outputs in zip(self._layers, records, strict=True):
            if len(outputs) != 1:
                raise ValueError(
                    f"The features are taken from layer {layer.name!r}, which "
                    "the model must call exactly once. Received "
                    f"{len(outputs)} calls."
                )
        return _pool_all([outputs[0] for outputs in records])


@contextlib.contextmanager
def _recorded(layers):
    """While open, lists what each layer returns, one list for each layer."""
    records = [[] for _ in layers]
    for layer, outputs in zip(layers, records, strict=True):
        layer.call = _noting(layer.call, outputs)
    try:
        yield records
    finally:
        for layer in layers:
            del layer.call


def _noting(call, outputs):
    def noting_call(*args, **kwargs):
        result = call(*args, **kwargs)
        outputs.append(result)
        return result

    return noting_call


def _are_names(names):
    is_list = isinstance(names, (list, tuple)) and len(names) > 0
    return is_list and all(isinstance(name, str) for name in names)


def _has_graph(model):
    if isinstance(model, keras.Sequential):
        return True
    functional = _functional_class()
    # A subclass with its own `call` does more than its graph shows.
    return isinstance(model, functional) and type(model).call is functional.call


@functools.cache
def _functional_class():
    """The class of Functional models, which Keras shows under no name."""
    probe = keras.Input((1,), name="probe_input")
    identity = keras.layers.Identity(name="probe_identity")(probe)
    return type(keras.Model(probe, identity, name="probe"))


def _default_features(model):
    hint = "Pass features= with the name of the layer whose output to align"
    if len(model.outputs) != 1:
        raise ValueError(
            f"The model has {len(model.outputs)} outputs, so that its features "
            f"are not evident. {hint}, one of {_names_of(model)}."
        )
    for layer in reversed(model.layers):
        if isinstance(layer, keras.Model):
            raise ValueError(
                f"The model ends in the nested model {layer.name!r}, so that "
                f"its features are not evident. {hint}, one of "
                f"{_names_of(model)}."
            )
        if isinstance(layer, _HEADS):
            return _single_node(model, layer).input_tensors[0]
    raise ValueError(
        "The model has no dense or convolutional layer of its own, so that "
        f"its features are not evident. {hint}, one of {_names_of(model)}."
    )


def _output_in_graph(model, name):
    layers = {layer.name: layer for layer in model.layers}
    if name not in layers:
        raise unknown_name("features", name, layers)
    return _single_node(model, layers[name]).output_tensors[0]


def _single_node(model, layer):
    """The one place in the graph of the model where a layer is called.

    `layer.output` is something else: of a nested model it is the inner end,
    and of a layer that is shared with other models it is ambiguous.
    """
    if isinstance(model, keras.Sequential):
        model = model._functional
    nodes = [
        node
        for nodes in model._nodes_by_depth.values()
        for node in nodes
        if node.operation is layer
    ]
    if len(nodes) != 1:
        raise ValueError(
            f"The features are taken from layer {layer.name!r}, which the "
            f"model must call exactly once. Received {len(nodes)} calls; pass "
            "features= with the name of another layer."
        )
    return nodes[0]


def _names_of(model):
    return [layer.name for layer in model.layers]


def _pool_all(features):
    return tuple(_pool(tensor) for tensor in features)


def _pool(features):
    """Averages `(rows, ..., width)` over everything between."""
    rank = len(features.shape)
    if rank <= 2:
        return features
    return ops.mean(features, axis=tuple(range(1, rank - 1)))


def rows_of(inputs):
    """Number of rows of a structure of tensors."""
    return ops.shape(tree.flatten(inputs)[0])[0]
