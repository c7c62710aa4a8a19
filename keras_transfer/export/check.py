"""One thing that was looked at in an export."""

import dataclasses

STATUSES = ("pass", "warn", "fail", "skip")


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: What it was, in a few words.
        status: `"pass"`, `"warn"`, `"fail"` or `"skip"`.
        text: What was found, and what to do about it.

    Example:

    >>> from keras_transfer import export
    >>> export.Check("batching", "pass", "no file").status
    'pass'
    """

    name: str
    status: str
    text: str = ""
