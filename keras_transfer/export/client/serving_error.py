"""What a model server answered instead of a result."""

import re

_NODE = re.compile(r"\s*\[\[\{\{.*\}\}\]\]")


class ServingError(RuntimeError):
    """A model server refused, failed, or did not answer.

    Args:
        code: Name of the gRPC status, as `"NOT_FOUND"`; a REST answer is
            given the status that stands behind its HTTP code.
        message: One sentence that says what happened and how to mend it.

    Attributes:
        code: As given.

    Example:

    >>> import keras_transfer as kt
    >>> with kt.export.Client("http://127.0.0.1:9", "flowers") as client:
    ...     try:
    ...         client.status()
    ...     except kt.export.ServingError as error:
    ...         print(error.code)
    UNAVAILABLE
    """

    def __init__(self, code: str, message: str):
        # All arguments, so that the error can be pickled (multiprocessing).
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return self.args[1]


def one_line(text: str) -> str:
    """What a server said, without line breaks and names of graph nodes."""
    return " ".join(_NODE.sub("", text).split())
