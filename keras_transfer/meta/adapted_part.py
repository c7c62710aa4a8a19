"""Which variables of a model an inner loop adapts."""

import fnmatch

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.layers import opaque
from keras_transfer.training import model_graph

_BUT = "!"


def check_model(model):
    """Raises unless there is something to train in a built model."""
    if not isinstance(model, keras.Model):
        raise invalid_argument("model", model, "a keras.Model")
    if not model.built:
        raise ValueError(
            f"The model {model.name!r} is not built. Give it a keras.Input, or "
            "call it on a batch first."
        )
    if not model.trainable_variables:
        raise ValueError(f"The model {model.name!r} has nothing to train.")


def adapted_variables(model, which):
    """The variables that the inner loop changes.

    Variables are chosen, never frozen: `trainable = False` would turn batch
    norm to its moving statistics.

    Args:
        model: A built `keras.Model`.
        which: `"all"`, `"head"`, or a wildcard pattern, or a list of them, for
            paths of variables or names of layers; those after a `!` are left
            out.

    Returns:
        List in the order of the model's trainable variables.

    Raises:
        ValueError: If a pattern fits nothing, or a finished graph is chosen.
    """
    if which == "all":
        chosen = {id(variable) for variable in model.trainable_variables}
    elif which == "head":
        head = head_of(model)
        chosen = {id(variable) for variable in head.trainable_variables}
    else:
        chosen = _matching(model, which)
    for layer in opaque.opaque_layers(model):
        if any(id(v) in chosen for v in layer.trainable_variables):
            raise ValueError(
                f"The layer {layer.name!r} is a finished graph, whose weights "
                f"an inner loop cannot change: adapt={which!r} does not work "
                'here. Adapt what stands on top of it, by adapt="head" or '
                f'adapt="!{layer.name}", and it learns in the outer loop; or '
                "set its `trainable` to False."
            )
    return [v for v in model.trainable_variables if id(v) in chosen]


def head_of(model):
    """The last dense or convolutional layer of the model's own graph."""
    heads = [
        layer
        for layer in model.layers
        if isinstance(layer, model_graph.HEADS) and layer.trainable_variables
    ]
    if not heads:
        raise invalid_argument(
            "adapt",
            "head",
            "a pattern, as the model's own graph has no dense or convolutional "
            f"layer to train. Its layers are {[x.name for x in model.layers]}",
        )
    return heads[-1]


def _matching(model, which):
    patterns = [which] if isinstance(which, str) else which
    is_right = isinstance(patterns, list | tuple) and patterns
    if not is_right or not all(isinstance(p, str) for p in patterns):
        raise invalid_argument(
            "adapt", which, "'all', 'head', a pattern, or a list of patterns"
        )
    names = _names(model)
    wanted = [p for p in patterns if not p.startswith(_BUT)]
    found = set() if wanted else set(names)
    for pattern in wanted:
        found |= _fitting(names, pattern)
    for pattern in patterns:
        if pattern.startswith(_BUT):
            found -= _fitting(names, pattern.removeprefix(_BUT))
    if not found:
        raise invalid_argument("adapt", which, "patterns that leave something")
    return found


def _names(model):
    """Paths of the trainable variables, and names of layers around them."""
    names = {id(v): {v.path} for v in model.trainable_variables}
    for layer in model._flatten_layers(include_self=False):
        for variable in layer.trainable_variables:
            names[id(variable)].add(layer.name)
    return names


def _fitting(names, pattern):
    found = {
        key
        for key, known in names.items()
        if any(fnmatch.fnmatchcase(name, pattern) for name in known)
    }
    if not found:
        raise unknown_name(
            "adapt", pattern, sorted(set().union(*names.values()))
        )
    return found
