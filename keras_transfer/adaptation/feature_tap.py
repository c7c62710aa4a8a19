"""Reads the features of inner layers while a model runs."""

import keras
from keras import ops
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.training import model_graph
from keras_transfer.training import recorded_layers


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
    if model_graph.has_graph(model):
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
            tensors = [model_graph.output_of(model, name) for name in names]
        is_sequential = isinstance(model, keras.Sequential)
        self._model = keras.Model(
            model_graph.inputs_of(model),
            [tensors, model.outputs[0] if is_sequential else model.output],
        )
        self.feature_shapes = tuple(
            (tensor.shape[0], tensor.shape[-1]) for tensor in tensors
        )

    def __call__(self, inputs, training):
        features, outputs = self._model(inputs, training=training)
        return _pooled(features), outputs


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
        with recorded_layers.recorded(self._layers) as records:
            outputs = self._model(inputs, training=training)
        calls = [
            recorded_layers.single_call(layer, calls)
            for layer, calls in zip(self._layers, records, strict=True)
        ]
        return _pooled(call.outputs for call in calls), outputs


def _are_names(names):
    is_list = isinstance(names, (list, tuple)) and len(names) > 0
    return is_list and all(isinstance(name, str) for name in names)


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
        if isinstance(layer, model_graph.HEADS):
            return model_graph.single_node(model, layer).input_tensors[0]
    raise ValueError(
        "The model has no dense or convolutional layer of its own, so that "
        f"its features are not evident. {hint}, one of {_names_of(model)}."
    )


def _names_of(model):
    return [layer.name for layer in model.layers]


def _pooled(features):
    return tuple(recorded_layers.pooled(tensor) for tensor in features)


def rows_of(inputs):
    """Number of rows of a structure of tensors."""
    return ops.shape(tree.flatten(inputs)[0])[0]
