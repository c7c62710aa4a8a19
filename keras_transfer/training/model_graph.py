"""Where layers stand in the graph of a Functional or Sequential model."""

import functools

import keras

from keras_transfer._public import unknown_name

#: Layers that a model may end in, and whose input are its features.
HEADS = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)


def has_graph(model):
    """Whether a model is what its graph says, and no more."""
    if isinstance(model, keras.Sequential):
        return True
    functional = _functional_class()
    # A subclass with its own `call` does more than its graph shows.
    return isinstance(model, functional) and type(model).call is functional.call


def inputs_of(model):
    """The inputs of a model with a graph, as it is called with them."""
    is_sequential = isinstance(model, keras.Sequential)
    return model.inputs[0] if is_sequential else model.input


def output_of(model, name):
    """What the layer of a name returns in the graph.

    Args:
        model: A `keras.Model` with a graph.
        name: Name of a layer of `model.layers`, the user's `features`.

    Returns:
        A symbolic tensor.

    Raises:
        ValueError: If there is no such layer, or it is not called once.
    """
    layers = {layer.name: layer for layer in model.layers}
    if name not in layers:
        raise unknown_name("features", name, layers)
    return single_node(model, layers[name]).output_tensors[0]


def operations_on(model, tensor):
    """The layers and operations of a Functional model that take a tensor.

    Args:
        model: A Functional model.
        tensor: A symbolic tensor of its graph.

    Returns:
        A list, one entry for each call.
    """
    return [
        node.operation
        for nodes in model._nodes_by_depth.values()
        for node in nodes
        if any(tensor is taken for taken in node.input_tensors)
    ]


def single_node(model, layer):
    """The one place in the graph where a layer is called.

    `layer.output` is something else: of a nested model it is the inner end,
    and of a layer that is shared with other models it is ambiguous.

    Args:
        model: A `keras.Model` with a graph.
        layer: One of `model.layers`.

    Returns:
        A Keras node with `input_tensors` and `output_tensors`.

    Raises:
        ValueError: If it is called several times.
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


def last_activation(model):
    """Name of the function that makes a model's outputs no logits, or `None`.

    Args:
        model: A `keras.Model` whose `layers` end in its last one.

    Returns:
        `"softmax"`, `"sigmoid"` or `None`.
    """
    last = model.layers[-1]
    if isinstance(last, keras.layers.Softmax):
        return "softmax"
    activation = getattr(last, "activation", None)
    known = (keras.activations.softmax, keras.activations.sigmoid)
    return activation.__name__ if activation in known else None


@functools.cache
def _functional_class():
    """The class of Functional models, which Keras shows under no name."""
    probe = keras.Input((1,), name="probe_input")
    identity = keras.layers.Identity(name="probe_identity")(probe)
    return type(keras.Model(probe, identity, name="probe"))
