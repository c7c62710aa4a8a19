"""Files are written whole or not at all."""

import contextlib
import pathlib


@contextlib.contextmanager
def written_whole(path):
    """Gives a name to write to, and puts the file in place at the end.

    If the writing fails, what stood at `path` stays and nothing is left.

    Args:
        path: Where the file goes; its folder exists.

    Yields:
        The `pathlib.Path` to write to, in the same folder and with the same
        suffix.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f".partial_{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
