"""Which layers see a flattened feature map, and of what shape it was.

PyTorch flattens channels first and Keras channels last, so that the rows of
the next dense kernel stand in another order.
"""

import math

import keras

_NORMS = (keras.layers.BatchNormalization, keras.layers.LayerNormalization)


def flattened_maps(model):
    """Follows flattened feature maps through the graphs of a model.

    Args:
        model: A built `keras.Model`.

    Returns:
        `(maps, unseen)`: a dict from `id(layer)` to `(..., channels)`, the
        shape of the map whose flattened values the layer gets, and the names
        of layers that flatten where no graph shows what follows.

    Example:

    >>> import keras
    >>> from keras_transfer.finetune.flattened_maps import flattened_maps
    >>> dense = keras.layers.Dense(1)
    >>> model = keras.Sequential(
    ...     [keras.Input((7, 7, 3)), keras.layers.Flatten(), dense]
    ... )
    >>> maps, unseen = flattened_maps(model)
    >>> maps[id(dense)], unseen
    ((7, 7, 3), [])
    """
    maps = {}
    seen = set()
    for layer in model._flatten_layers():
        graph = _graph_of(layer)
        if graph is not None:
            _follow(graph, maps, seen)
    unseen = [
        layer.name
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.Flatten) and id(layer) not in seen
    ]
    return maps, unseen


def _graph_of(layer):
    """The Functional model that shows how a layer's parts are joined."""
    if isinstance(layer, keras.Sequential):
        layer = layer._functional
    is_graph = getattr(layer, "_nodes_by_depth", None) is not None
    return layer if is_graph else None


def _follow(graph, maps, seen):
    """Notes the maps that layers of a graph see; returns those that it ends in.

    Args:
        graph: A Functional model.
        maps: Dict to note them in.
        seen: Set that gets the id of each layer of the graph.

    Returns:
        List with a map, or `None`, for each output of the graph.
    """
    of_tensor = {}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            operation = node.operation
            seen.add(id(operation))
            found = [of_tensor.get(id(x)) for x in node.input_tensors]
            found = next((shape for shape in found if shape), None)
            inner = _graph_of(operation)
            if inner is not None and node.input_tensors:
                ends = _follow(inner, maps, seen)
            else:
                if found:
                    maps[id(operation)] = found
                ends = [_after(operation, node, found)] * len(
                    node.output_tensors
                )
            pairs = zip(node.output_tensors, ends, strict=False)
            of_tensor.update({id(tensor): end for tensor, end in pairs})
    return [of_tensor.get(id(tensor)) for tensor in graph.outputs]


def _after(operation, node, found):
    """The flattened map that the output of an operation still is."""
    if len(node.input_tensors) != 1 or len(node.output_tensors) != 1:
        return None
    before, after = node.input_tensors[0].shape, node.output_tensors[0].shape
    if len(after) != 2 or None in after[1:]:
        return None
    if len(before) > 2 and isinstance(
        operation, (keras.layers.Flatten, keras.layers.Reshape)
    ):
        shape = tuple(before[1:])
        if getattr(operation, "data_format", None) == "channels_first":
            shape = (*shape[1:], shape[0])
        return shape if math.prod(shape[:-1]) > 1 else None
    # Elementwise: the values stay where they are.
    is_layer = isinstance(operation, keras.layers.Layer)
    if is_layer and operation.weights and not isinstance(operation, _NORMS):
        return None
    return found if tuple(before) == tuple(after) else None
