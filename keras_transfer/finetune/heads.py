"""Finds the head of a model, and puts a new one in its place."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.training import model_graph
from keras_transfer.training.model_copy import copy_of


def with_new_head(model, num_classes, name, features=None, input_shape=None):
    """A copy of a model that ends in a new dense layer.

    Args:
        model: Functional or Sequential `keras.Model`, or a layer.
        num_classes: Width of the new layer, whose outputs are logits.
        name: Name of the new layer.
        features: Name of the layer of `model.layers` whose output the new
            layer takes; by default the input of the last layer with weights
            if that is dense and what comes behind it keeps its shape, else
            the output of the model. Feature maps are averaged over their
            positions.
        input_shape: For a layer: the shape of one row.

    Returns:
        A Functional `keras.Model` with weights of its own.

    Raises:
        ValueError: If the features cannot be found.
    """
    source = _as_model(model, input_shape)
    tensor = _features(source, features)
    if len(tensor.shape) > 2:
        pool = _POOLING.get(len(tensor.shape))
        if pool is None:
            raise ValueError(
                f"The features have shape {tuple(tensor.shape)}, which cannot "
                "be pooled. Pass features= with the name of another layer."
            )
        tensor = pool(name="pooled_features")(tensor)
    if name in {layer.name for layer in source.layers}:
        raise invalid_argument(
            "name", name, "a name that no layer of the model has"
        )
    # Half precision is for the inside; a loss of such logits is not exact.
    head = keras.layers.Dense(num_classes, name=name, dtype="float32")
    return keras.Model(model_graph.inputs_of(source), head(tensor))


def with_its_head(model, name):
    """A copy of a model that has its head already.

    Args:
        model: Functional or Sequential `keras.Model`.
        name: Name of the head.

    Returns:
        A `keras.Model` with weights of its own.

    Raises:
        ValueError: If there is no layer of that name.
    """
    source = _as_model(model, None)
    if name not in {layer.name for layer in source.layers}:
        raise unknown_name("head", name, [x.name for x in source.layers])
    return source


_POOLING = {
    3: keras.layers.GlobalAveragePooling1D,
    4: keras.layers.GlobalAveragePooling2D,
    5: keras.layers.GlobalAveragePooling3D,
}


def _as_model(model, input_shape):
    if isinstance(model, keras.Model):
        if input_shape is not None:
            raise invalid_argument(
                "input_shape", input_shape, "None for a model, which has one"
            )
        if not model_graph.has_graph(model):
            raise ValueError(
                f"The model {model.name!r} is a subclass without a graph, so "
                "that its head cannot be replaced. Build a Functional model "
                "around it."
            )
        if not model.built:
            raise ValueError(
                "The model has no weights yet. Build it first, by an Input or "
                "by calling it."
            )
        return copy_of(model)
    if not isinstance(model, keras.layers.Layer):
        raise invalid_argument("model", model, "a keras.Model or layer")
    if input_shape is None:
        raise invalid_argument(
            "input_shape",
            None,
            "the shape of one row, because a layer is given",
        )
    inputs = keras.Input(input_shape)
    return copy_of(keras.Model(inputs, model(inputs)))


def _features(model, name):
    if name is not None:
        return model_graph.output_of(model, name)
    if len(model.outputs) != 1:
        raise ValueError(
            f"The model has {len(model.outputs)} outputs. Pass features= with "
            "the name of the layer that the new head goes on."
        )
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Dense):
            node = model_graph.single_node(model, layer)
            if node.output_tensors[0].shape == model.outputs[0].shape:
                return node.input_tensors[0]
        if layer.weights:
            break
    return model.outputs[0]
