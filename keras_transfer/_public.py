"""What makes an object public, and how it speaks about bad input."""

import difflib
import numbers

import keras

PACKAGE = "keras_transfer"


def public(family):
    """Registers a class with Keras as `keras_transfer>family.Name`.

    Saved models find the class by this name. The family is part of it because
    two families may use the same word, as `losses.Coral` and `subspace.Coral`.

    Args:
        family: Name of the sub-package that shows the class to users.

    Returns:
        A class decorator.
    """

    def register(cls):
        return keras.saving.register_keras_serializable(
            package=PACKAGE, name=f"{family}.{cls.__name__}"
        )(cls)

    return register


def invalid_argument(name, value, expected, hint=None):
    """Builds the one error sentence of this package.

    Args:
        name: Name of the argument.
        value: What was given.
        expected: What would have been right, as the rest of "Expected ...".
        hint: Optional second sentence that says how to mend it.

    Returns:
        A `ValueError`, to be raised by the caller.
    """
    message = (
        f"Invalid value for argument `{name}`. Expected {expected}. "
        f"Received: {name}={value!r}"
    )
    return ValueError(f"{message}. {hint}" if hint else message)


def is_integer(value, least=0):
    """Whether it is an integer, NumPy's too, of at least so much."""
    is_number = isinstance(value, numbers.Integral)
    return is_number and not isinstance(value, bool) and value >= least


def checked_integer(name, value, least=0):
    """The value as an int.

    Args:
        name: Name of the argument.
        value: What was given.
        least: Smallest one that is right.

    Returns:
        A Python int.

    Raises:
        ValueError: If it is no integer, or too small.
    """
    if not is_integer(value, least):
        raise invalid_argument(name, value, f"an integer of {least} or more")
    return int(value)


def unknown_name(argument, value, known):
    """Builds the error for a name that does not exist.

    Args:
        argument: Name of the argument.
        value: The unknown name.
        known: Iterable of the names that exist.

    Returns:
        A `ValueError` that lists the closest names first.
    """
    known = list(known)
    close = difflib.get_close_matches(str(value), known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else None
    return invalid_argument(
        argument, value, f"one of {', '.join(map(repr, known))}", hint
    )
