"""Requests in parts, and the bad rows told from the good ones."""

import collections
import re
from collections.abc import Callable

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.export.client.partial_failure import PartialFailure
from keras_transfer.export.client.serving_error import ServingError
from keras_transfer.export.client.tensor_forms import Signature

Arrays = dict[str, np.ndarray]

#: Seconds, about, before each time that refused single rows are sent again.
PAUSES = (0.1, 0.3)

_TOO_MANY_ROWS = re.compile(r"maximum input batch size (\d+)")


def number_of_rows(arrays: Arrays, signature: Signature) -> int | None:
    """Rows of a request, or `None` if it cannot be divided along axis 0."""
    shapes = [spec.shape for spec in signature.inputs.values()]
    if any(shape is not None and shape[:1] != (None,) for shape in shapes):
        return None
    if not arrays or any(not array.ndim for array in arrays.values()):
        return None
    sizes = {len(array) for array in arrays.values()}
    return sizes.pop() if len(sizes) == 1 else None


def ask_in_parts(
    ask: Callable[[Arrays], Arrays],
    arrays: Arrays,
    rows: int,
    size: int,
    pause: Callable[[float], bool],
) -> Arrays:
    """Asks for `size` rows at a time, and singly for those of a refused part.

    One bad row makes a server refuse the whole request. A server that merges
    requests refuses those of other clients with it, single rows too: they are
    sent again, at another time, before they are called bad.

    Args:
        ask: One request; raises `ServingError`.
        arrays: Dict of arrays with `rows` rows.
        rows: Their number, at least 1.
        size: Rows per request.
        pause: Waits for about so many seconds, if there is time; says whether
            it did.

    Returns:
        The answers, joined in the order of the rows.

    Raises:
        PartialFailure: If some rows were refused.
        ServingError: If all were, or at any other error.
    """
    answers, errors = _first_round(ask, arrays, rows, size)
    for seconds in PAUSES:
        if not errors or not pause(seconds):
            break
        for row in list(errors):
            try:
                answer = ask(_part(arrays, range(row, row + 1)))
            except ServingError as error:
                if error.code != "INVALID_ARGUMENT":
                    break  # What is answered by now is worth more.
                continue
            if rows > 1:
                _check_rows(answer, 1, size)
            answers[row] = answer
            del errors[row]
    return _joined(answers, errors)


def _first_round(ask, arrays, rows, size):
    """Answers by the first of their rows, and errors by row."""
    parts = collections.deque(_ranges(0, rows, size))
    answers, errors, refusal = {}, {}, None
    while parts:
        part = parts.popleft()
        try:
            answer = ask(_part(arrays, part))
        except ServingError as error:
            if error.code != "INVALID_ARGUMENT":
                raise _after(refusal, error) from error
            if len(part) == 1:
                errors[part.start] = str(error)
                continue
            refusal = error
            limit = _TOO_MANY_ROWS.search(str(error))
            size = min(int(limit[1]), len(part) - 1) if limit else 1
            parts.extendleft(reversed(_ranges(part.start, part.stop, size)))
            continue
        if len(part) < rows:
            _check_rows(answer, len(part), size, refusal)
        answers[part.start] = answer
    return answers, errors


def _ranges(start, stop, size):
    return [
        range(first, min(first + size, stop))
        for first in range(start, stop, size)
    ]


def _part(arrays, rows):
    return {
        name: array[rows.start : rows.stop] for name, array in arrays.items()
    }


def _after(refusal, error):
    if refusal is None:
        return error
    return ServingError(
        error.code,
        f"{error} The rows were being sent in smaller parts, as the server "
        f"had refused them together: {refusal}",
    )


def _check_rows(answer, rows, size, refusal=None):
    for name, array in answer.items():
        if not array.ndim or len(array) != rows:
            if refusal is not None:
                raise refusal
            raise invalid_argument(
                "max_batch_size",
                size,
                f"None, as output {name!r} of shape {array.shape} has no row "
                f"for each of {rows} rows of the inputs",
            )


def _joined(answers, errors):
    if not answers:
        first = errors[min(errors)]
        if len(errors) > 1:
            first = f"each of the {len(errors)} rows is refused, as {first}"
        raise ServingError("INVALID_ARGUMENT", first)
    in_order = [answers[start] for start in sorted(answers)]
    joined = in_order[0]
    if len(in_order) > 1:
        joined = {
            name: np.concatenate([answer[name] for answer in in_order])
            for name in joined
        }
    if errors:
        rows = len(next(iter(joined.values()))) + len(errors)
        good = [row for row in range(rows) if row not in errors]
        raise PartialFailure(joined, good, errors)
    return joined
