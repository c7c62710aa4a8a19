"""How much of its update each variable takes, by the names of layers."""

import typing

from keras_transfer._public import unknown_name
from keras_transfer.training import layer_tree
from keras_transfer.training.variable_paths import path_of

#: A layer that has nothing else counts with the layer before it.
_SCALE_AND_SHIFT = {"gamma", "beta"}


class Name(typing.NamedTuple):
    """What a variable is called.

    Attributes:
        path: Keras' own path of the variable.
        place: Path of its layer in the model and its own name, if the model
            is known; else the same.
    """

    path: str
    place: str

    def matches(self, pattern):
        """Whether a name or pattern stands for the variable or its layers."""
        return any(layer_tree.matches(pattern, path) for path in set(self))


def names_in(model):
    """The names of all weights of a model, inputs first."""
    return [
        Name(weight.path, f"{path}/{weight.name}")
        for path, layer in layer_tree.weighted_nodes(model)
        for weight in layer_tree.own_weights(layer)
    ]


def names_of(variables):
    """The names of variables whose model is not known."""
    return [Name(path_of(v), path_of(v)) for v in variables]


def factors(names, decay=None, multipliers=None, layers=None, strict=True):
    """One factor for each variable.

    Formula, for a variable in layer l of L, counted from the inputs:

        factor = decay^(L - l) * multiplier

    with the multiplier of the first pattern that matches, else 1.

    Args:
        names: List of `Name`, inputs first.
        decay: Number, or `None` for 1.
        multipliers: Dict from patterns to numbers, or `None`.
        layers: List of what counts as a layer, from the inputs on: patterns,
            or lists of them. By default each layer with weights counts, and
            what only scales and shifts counts with the layer before it.
            Variables in none of them are at the top, as a new head is.
        strict: Whether a pattern that matches nothing is an error.

    Returns:
        List of floats.

    Raises:
        ValueError: If a pattern matches nothing.
    """
    if strict:
        _check(names, list(multipliers or ()), "multipliers")
        _check(names, _flat(layers or ()), "layers")
    depths = _depths(names, layers)
    return [
        (1.0 if decay is None else float(decay) ** depth)
        * _multiplier(name, multipliers or {})
        for name, depth in zip(names, depths, strict=True)
    ]


def _depths(names, layers):
    """For each variable the number of layers above its own."""
    if layers is None:
        positions = _positions_in_order(names)
    else:
        positions = [_position(name, layers) for name in names]
    top = max(positions, default=0) if layers is None else len(layers) - 1
    return [top - position for position in positions]


def _positions_in_order(names):
    own = {}
    for name in names:
        parent, _, variable = name.place.rpartition("/")
        own.setdefault(parent, set()).add(variable)
    positions = {}
    position = -1
    for parent, variables in own.items():
        statistics = {v for v in variables if v.startswith("moving_")}
        if not variables - statistics <= _SCALE_AND_SHIFT or position < 0:
            position += 1
        positions[parent] = position
    return [positions[name.place.rpartition("/")[0]] for name in names]


def _position(name, layers):
    for position in reversed(range(len(layers))):
        if any(name.matches(p) for p in _flat([layers[position]])):
            return position
    return len(layers) - 1


def _multiplier(name, multipliers):
    for pattern, value in multipliers.items():
        if name.matches(pattern):
            return float(value)
    return 1.0


def _check(names, patterns, argument):
    for pattern in patterns:
        if not any(name.matches(pattern) for name in names):
            places = dict.fromkeys(
                name.place.rpartition("/")[0] or name.place for name in names
            )
            raise unknown_name(argument, pattern, places)


def _flat(layers):
    return [
        pattern
        for entry in layers
        for pattern in ([entry] if isinstance(entry, str) else entry)
    ]
