"""How a file that cannot be read is spoken about."""

import pathlib


def unreadable(path, reason, hint=None):
    """Builds the one error for a file of weights.

    Args:
        path: The file.
        reason: What is wrong with it, as the rest of "The file ... cannot be
            read:".
        hint: Optional second sentence that says how to mend it.

    Returns:
        A `ValueError`, to be raised by the caller.

    Example:

    >>> from keras_transfer.finetune.checkpoints.unreadable import unreadable
    >>> print(unreadable("old/net.pt", "it is empty"))
    The file 'net.pt' cannot be read: it is empty.
    """
    name = pathlib.Path(path).name
    message = f"The file {name!r} cannot be read: {reason}."
    return ValueError(f"{message} {hint}" if hint else message)
