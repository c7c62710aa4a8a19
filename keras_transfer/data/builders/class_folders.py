"""Images in class folders inside an archive."""

import io
import pathlib

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")


def examples_below(files, folders, class_names):
    """TFDS examples of the images below a folder of an archive.

    An image lies at `.../FOLDERS/CLASS/NAME`, whatever stands before.

    Args:
        files: Pairs `(path, file)`, as `dl_manager.iter_archive` gives them.
        folders: Tuple of the names of the folders above the class folders.
        class_names: Names of all classes.

    Yields:
        `(key, {"image": file, "label": name})`.

    Raises:
        ValueError: If a class is unknown or there is no image.

    Example:

    >>> import io
    >>> from keras_transfer.data.builders.class_folders import examples_below
    >>> files = [("x/Art/Bed/1.jpg", io.BytesIO(b"")), ("x/notes.txt", None)]
    >>> for key, example in examples_below(files, ("Art",), ["Bed", "Bike"]):
    ...     print(key, example["label"])
    Bed/1.jpg Bed
    """
    known = set(class_names)
    count = 0
    for path, file in files:
        *above, label, name = ("", *pathlib.PurePosixPath(path).parts)
        if tuple(above[-len(folders) :]) != folders or name.startswith("."):
            continue
        if not name.lower().endswith(_SUFFIXES):
            continue
        if label not in known:
            raise ValueError(
                f"The archive has a class {label!r} ({path}), which the "
                f"benchmark has not. Expected {len(known)} classes, among "
                f"them {', '.join(sorted(known)[:3])}."
            )
        count += 1
        # A tar file is read from front to end: its parts cannot wait.
        yield (
            f"{label}/{name}",
            {"image": io.BytesIO(file.read()), "label": label},
        )
    if not count:
        raise ValueError(
            f"The archive has no image at .../{'/'.join(folders)}/CLASS/NAME."
            " Is it the benchmark's own, unchanged?"
        )
