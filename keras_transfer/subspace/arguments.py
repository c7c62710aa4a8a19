"""Checks of what the layers are made with."""

import math
import numbers

from keras_transfer._public import invalid_argument


def positive_number(name, value):
    """Refuses all but finite numbers above zero.

    Raises:
        ValueError: With the name of the argument.
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        raise invalid_argument(name, value, "a positive number")
