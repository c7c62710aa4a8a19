"""The layers of a model by name, and which of them learn.

The path of a layer is made of the names on the way to it, as
`"backbone/block_2/conv"`. A pattern matches any run of them: `"backbone"` is
everything in the backbone, `"block_2*"` every layer in a block whose name
begins so, `"conv"` every layer of that name.
"""

import fnmatch
import typing

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name


class Node(typing.NamedTuple):
    """A layer and its path below the model."""

    path: str
    layer: keras.layers.Layer


def matches(pattern, path):
    """Whether a name or wildcard pattern stands for a path or a part of it."""
    parts = path.split("/")
    runs = (
        "/".join(parts[start:end])
        for start in range(len(parts))
        for end in range(len(parts), start, -1)
    )
    return any(
        run == pattern or fnmatch.fnmatchcase(run, pattern) for run in runs
    )


def nodes(model):
    """All layers inside a model, inputs first, parents before their parts.

    Args:
        model: A `keras.Model` or layer.

    Returns:
        A list of `Node`, each layer once. The order is that of the graph, or
        of the attributes of a subclassed model.
    """
    found = []
    seen = set()

    def visit(layer, prefix):
        for part in layer._flatten_layers(include_self=False, recursive=False):
            if id(part) in seen:
                continue
            seen.add(id(part))
            path = f"{prefix}{part.name}"
            found.append(Node(path, part))
            visit(part, f"{path}/")

    visit(model, "")
    return found


def own_weights(layer):
    """The weights of a layer itself, without those of layers inside it."""
    inner = {
        id(weight)
        for part in layer._flatten_layers(include_self=False, recursive=False)
        for weight in part.weights
    }
    return [weight for weight in layer.weights if id(weight) not in inner]


def weighted_nodes(model):
    """The nodes whose layers have weights of their own."""
    return [node for node in nodes(model) if own_weights(node.layer)]


def is_batch_norm(layer):
    """Whether a layer is a batch norm, which has an inference mode."""
    return isinstance(layer, keras.layers.BatchNormalization)


def find(model, pattern, argument):
    """The nodes that a name or pattern stands for.

    Args:
        model: A `keras.Model`.
        pattern: Name, path or wildcard pattern.
        argument: Name of the argument in the error message.

    Returns:
        A list of `Node`, not empty.

    Raises:
        ValueError: If nothing matches; with the names that come closest.
    """
    every = nodes(model)
    found = [node for node in every if matches(pattern, node.path)]
    if not found:
        raise unknown_name(argument, pattern, [node.path for node in every])
    return found


def find_one(model, name, argument):
    """The one layer of a name or path, anywhere in a model.

    Args:
        model: A `keras.Model`.
        name: Name of the layer, or as much of its path as tells it apart.
        argument: Name of the argument in the error message.

    Returns:
        The layer.

    Raises:
        ValueError: If there is none, or several.
    """
    every = nodes(model)
    found = [
        node
        for node in every
        if node.path == name or node.path.endswith(f"/{name}")
    ]
    # A path that is written out in full stands for itself.
    found = [node for node in found if node.path == name] or found
    if not found:
        raise unknown_name(argument, name, [node.path for node in every])
    if len(found) > 1:
        raise invalid_argument(
            argument,
            name,
            "the name or path of one layer",
            f"It stands for {[node.path for node in found]}.",
        )
    return found[0].layer


def set_trainable(model, wanted):
    """Lets some layers learn, or not, and leaves the others as they are.

    `layer.trainable = True` would wake everything inside, and a variable that
    is frozen by itself in a layer that learns. Neither happens here.

    Args:
        model: A `keras.Model`.
        wanted: Dict from the `id` of a layer to a boolean. It says nothing
            about the layers inside that layer. The model itself may be among
            them, for weights of its own.

    Returns:
        Whether anything changed.
    """
    every = [layer for _, layer in nodes(model)]
    before = _flags(model, every)
    own = {id(layer): own_weights(layer) for layer in [model, *every]}
    # Without weights of its own, a container learns if anything inside does.
    states = {
        id(layer): wanted.get(id(layer), layer.trainable)
        for layer in [model, *every]
        if own[id(layer)] or not _parts(layer)
    }
    for layer in [model, *every]:  # parents first: they set all inside
        inside = [layer, *layer._flatten_layers(include_self=False)]
        # The softmax inside does not make an attention layer one that learns.
        weighted = [part for part in inside if own[id(part)]]
        layer.trainable = any(
            states.get(id(part), False) for part in weighted or inside
        )
    for layer in [model, *every]:
        state = states.get(id(layer))
        if state is None:
            continue
        for weight in own[id(layer)]:
            if state == before[id(layer)]:
                weight.trainable = before[id(weight)]
            elif not state:
                weight.trainable = False
    return _flags(model, every) != before


def uncompile(model):
    """Makes Keras ask for `compile` before the model is used again.

    A compiled model goes on with the training function it has, whatever
    `trainable` or `regularizer` say now, and raises nothing.
    """
    model.compiled = False


def _parts(layer):
    return layer._flatten_layers(include_self=False, recursive=False)


def _flags(model, every):
    flags = {id(layer): layer.trainable for layer in [model, *every]}
    flags.update({id(weight): weight.trainable for weight in model.weights})
    return flags
