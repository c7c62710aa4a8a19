"""What JSON can hold."""

import json
import pathlib

import numpy as np

from keras_transfer._public import invalid_argument


def storable(argument, value):
    """The value as JSON has it: numbers of NumPy become plain ones.

    Args:
        argument: Name of the argument, for the error.
        value: A nest of dicts, lists, texts and numbers.

    Returns:
        The nest as it is read back from a file.

    Raises:
        ValueError: If there is something in it that JSON cannot hold.
    """
    try:
        text = json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise invalid_argument(
            argument,
            value,
            f"what JSON can hold ({error})",
            "Convert it to text, finite numbers, lists and dicts.",
        ) from error
    return json.loads(text)


def _plain(value):
    """What JSON has no form of: NumPy's numbers and arrays, and paths."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, pathlib.PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
