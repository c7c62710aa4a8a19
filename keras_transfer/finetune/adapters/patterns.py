"""The names of layers that an adapter goes to."""

from keras_transfer._public import invalid_argument
from keras_transfer.training import layer_tree


def as_patterns(argument, value):
    """A name, a pattern or several of them, as a tuple.

    Args:
        argument: Name of the argument in the error message.
        value: What the user gave.

    Returns:
        A tuple of strings.

    Raises:
        ValueError: If it is anything else.
    """
    patterns = (value,) if isinstance(value, str) else value
    is_list = isinstance(patterns, list | tuple)
    if not is_list or not all(isinstance(p, str) and p for p in patterns):
        raise invalid_argument(
            argument,
            value,
            'the name of a layer, a pattern such as "encoder/*/query", or a '
            "list of them",
        )
    return tuple(patterns)


def any_matches(patterns, path):
    """Whether one of the patterns stands for a path or a part of it."""
    return any(layer_tree.matches(pattern, path) for pattern in patterns)
