"""Some rows of a request are answered, others are refused."""

from typing import Any

import numpy as np

from keras_transfer.export.client.serving_error import ServingError

#: Refused rows that the message quotes.
_QUOTED = 3


class PartialFailure(ServingError):
    """The server refused some rows of a request and answered the others.

    Raised by `Client.predict`. Nothing is lost: the answers to the good rows
    are in it.

    Args:
        answers: Dict from the name of an output to an array, one row for each
            good row of the request, in the order of the request.
        rows: Numbers of the good rows, from 0.
        errors: Dict from the number of a refused row to what the server said.

    Attributes:
        answers: As given.
        rows: As given, int64 `(good,)`: `answers[name][i]` belongs to row
            `rows[i]`.
        errors: As given.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> failure = kt.export.PartialFailure(
    ...     {"scores": np.array([0.1, 0.7])}, [0, 2], {1: "NaN in the image"}
    ... )
    >>> str(failure).split(";")[0]
    'The server refused 1 of 3 rows (row 1: NaN in the image)'
    >>> failure.rows, failure.answers["scores"]
    (array([0, 2]), array([0.1, 0.7]))
    """

    def __init__(self, answers: dict, rows: Any, errors: dict[int, str]):
        rows = np.asarray(rows, dtype="int64")
        quoted = [f"row {row}: {errors[row]}" for row in sorted(errors)]
        more = len(quoted) - _QUOTED
        quoted[_QUOTED:] = [f"and {more} more"] if more > 0 else []
        super().__init__(
            "INVALID_ARGUMENT",
            f"The server refused {len(errors)} of {len(rows) + len(errors)} "
            f"rows ({'; '.join(quoted)}); the answers to the others are in "
            "this error's `answers`, their numbers in `rows`.",
        )
        self.answers = answers
        self.rows = rows
        self.errors = errors

    def __reduce__(self):
        return type(self), (self.answers, self.rows, self.errors)
