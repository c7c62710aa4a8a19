"""Which activation a tensor comes from, for layers that repeat it."""

from keras import layers

from keras_transfer.finetune.morphism import layer_kinds

#: f(f(x)) = f(x), so that f may be repeated.
IDEMPOTENT = ("relu", "relu6")
#: Their outputs stay what f does not change.
_KEEPING = (
    layers.Average,
    layers.Concatenate,
    layers.Flatten,
    layers.Maximum,
    layers.Minimum,
    layers.Permute,
    layers.Reshape,
    *layer_kinds.POOLING,
    *layer_kinds.SELECTING,
)
#: The same, but the outputs may be larger than 6.
_GROWING = (layers.Add, layers.Multiply)


def activation_of(graph, name):
    """The idempotent activation whose outputs a layer's are.

    Args:
        graph: A `Graph`.
        name: Name of a layer.

    Returns:
        `"relu"`, `"relu6"`, or `None` where it is neither.
    """
    operation, calls = graph.operations[name], graph.calls[name]
    if not calls:
        return None
    own = _own_activation(operation)
    if own is not None:
        return own if own in IDEMPOTENT else None
    if type(operation) not in (*_KEEPING, *_GROWING):
        return None
    found = {
        activation_of(graph, tensor.key[0])
        for call in calls
        for tensor in call.inputs
    }
    if None in found:
        return None
    grows = type(operation) in _GROWING or len(found) > 1
    return "relu" if grows else found.pop()


def last_activations(graph):
    """Names of the layers whose outputs are those of such an activation."""
    return [name for name in graph.operations if activation_of(graph, name)]


def _own_activation(operation):
    """Name of a layer's activation, `None` if it is no matter of its own."""
    kind = type(operation)
    if kind is layers.ReLU:
        return _relu_name(operation)
    if layer_kinds.is_operation(operation, ("Relu", "Relu6")):
        return kind.__name__.lower()
    if kind in (
        layers.Activation,
        *layer_kinds.MIXING,
        *layer_kinds.DEPTHWISE_CONVS,
    ):
        return layer_kinds.activation_name(operation)
    return None


def _relu_name(layer):
    config = layer.get_config()
    if config["negative_slope"] or config["threshold"]:
        return "another"
    names = {None: "relu", 6.0: "relu6"}
    return names.get(config["max_value"], "another")
