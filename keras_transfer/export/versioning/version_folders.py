"""The folder of a served model: its versions, labels and leftovers."""

import json
import os
import pathlib
import re
import shutil
import time

from keras_transfer import _files
from keras_transfer._public import invalid_argument

#: Labels of a folder without a `models.config`. A server ignores the file,
#: as it does everything that is not named by an integer.
LABELS_FILE = "labels.json"

_PRUNED = ".pruned_"
_PARTIAL = ".partial_"
#: Seconds after which an export that is not finished was interrupted.
_ABANDONED = 24 * 60 * 60


def local_folder(argument, path):
    """Checks that a path is a folder of this machine.

    Args:
        argument: Name of the argument, for the message.
        path: The path.

    Returns:
        The absolute `pathlib.Path`; links stay.

    Raises:
        ValueError: If it is a URL or no folder.
    """
    path = local_path(argument, path)
    if not path.is_dir():
        raise invalid_argument(argument, str(path), "an existing folder")
    return path


def local_path(argument, path):
    """Checks that a path is no URL; the same arguments and result."""
    # `pathlib` makes one slash of two. One letter is a drive of Windows.
    if re.match(r"[A-Za-z][\w+.-]+:/", str(path)):
        raise invalid_argument(
            argument,
            str(path),
            "a path of this machine",
            "Work on a local copy and sync it with the cloud's own tool, as "
            "gsutil rsync or aws s3 sync: versions never change, so only new "
            "ones are sent.",
        )
    return pathlib.Path(os.path.abspath(path))


def find(base):
    """The versions in a folder.

    Args:
        base: The folder.

    Returns:
        Dict from number to `pathlib.Path`, in ascending order, broken ones
        among them, as the server takes every folder named by an integer.

    Raises:
        ValueError: If two folders have the same number, as 1 and 01.
    """
    found = {}
    for path in sorted(base.iterdir()):
        if not re.fullmatch(r"[0-9]+", path.name) or not path.is_dir():
            continue
        number = int(path.name)
        if number in found:
            raise ValueError(
                f"{base} holds version {number} twice, as "
                f"{found[number].name} and {path.name}. Remove one of them."
            )
        found[number] = path
    return dict(sorted(found.items()))


def problem(version):
    """Why a server could not load a version.

    Args:
        version: Folder of the version.

    Returns:
        A few words, or `None` if all its files are there.
    """
    names = ("saved_model.pb", "saved_model.pbtxt")
    if not any((version / name).is_file() for name in names):
        return "saved_model.pb is missing"
    variables = version / "variables"
    if not variables.is_dir():
        return None
    if not (variables / "variables.index").is_file():
        return "variables/variables.index is missing"
    shards = {path.name for path in variables.glob("variables.data-*")}
    counts = {name.rpartition("-of-")[2] for name in shards}
    if len(counts) != 1 or not (count := counts.pop()).isdigit():
        return "variables/variables.data-* is missing"
    if len(shards) != int(count):
        return f"of variables/variables.data-* only {len(shards)} are there"
    return None


def size(version):
    """Bytes of all files of a version."""
    return sum(
        path.stat().st_size for path in version.rglob("*") if path.is_file()
    )


def read_labels(base):
    """The labels that the folder itself keeps: dict from label to version.

    Raises:
        ValueError: If the file is not as it is written here.
    """
    path = base / LABELS_FILE
    if not path.exists():
        return {}
    try:
        labels = json.loads(path.read_text("utf-8"))["labels"]
        return {str(label): int(number) for label, number in labels.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} cannot be read: expected "
            '{"labels": {"stable": 1}}. Mend or remove it.'
        ) from error


def write_labels(base, labels):
    """Writes the labels whole or not at all."""
    with _files.written_whole(base / LABELS_FILE) as partial:
        text = json.dumps({"labels": labels}, indent=1)
        partial.write_text(f"{text}\n", "utf-8")


def remove(version):
    """Removes a version so that a server never sees a part of it.

    It leaves under a hidden name, in one step; what a crash leaves of it is
    removed by `clean`.
    """
    hidden = version.with_name(f"{_PRUNED}{version.name}")
    version.rename(hidden)
    _delete(hidden)


def clean(base):
    """Removes what earlier crashes left.

    Args:
        base: The folder.

    Returns:
        Names of what was removed: versions whose removal was interrupted,
        and exports that have not gone on for a day.
    """
    removed = []
    for path in sorted(base.iterdir()):
        is_abandoned = (
            path.name.startswith(_PARTIAL)
            and time.time() - _last_change(path) > _ABANDONED
        )
        if is_abandoned or path.name.startswith(_PRUNED):
            _delete(path)
            removed.append(path.name)
    return removed


def _last_change(path):
    """When anything in it was last written: an export takes its time."""
    inside = path.rglob("*") if path.is_dir() else ()
    return max(item.lstat().st_mtime for item in (path, *inside))


def _delete(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
