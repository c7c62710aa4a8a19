"""Folders as classes."""

import pathlib

from keras_transfer._public import invalid_argument


def class_folders(directory, argument="directory", example="1.jpg"):
    """Names of the folders in a folder, which are the classes.

    Args:
        directory: Path of an existing folder.
        argument: Name of the argument that it was given as, for errors.
        example: Name of a file, for errors.

    Returns:
        A sorted list of two names or more, without hidden folders.

    Raises:
        ValueError: If there are fewer.

    Example:

    >>> import pathlib
    >>> from keras_transfer.data.class_folders import class_folders
    >>> for name in ("dog", "cat", ".git"):
    ...     pathlib.Path("pets", name).mkdir(parents=True)
    >>> class_folders("pets")
    ['cat', 'dog']
    """
    names = sorted(
        entry.name
        for entry in pathlib.Path(directory).iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if len(names) < 2:
        kind = "images" if example.endswith(".jpg") else "texts"
        raise invalid_argument(
            argument,
            str(directory),
            f"at least two class folders in it, as cat/{example} and "
            f"dog/{example}",
            f"It holds {f'only {names[0]!r}' if names else 'no folders'}; for "
            f"{kind} without labels pass labelled=False.",
        )
    return names
