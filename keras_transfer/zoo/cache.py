"""Where downloaded models lie, and what is known of them.

The layout is that of tensorflow_hub, so that both find each other's downloads
when `TFHUB_CACHE_DIR` is set:

    <cache>/<sha1 of the handle>/saved_model.pb ...
    <cache>/<sha1 of the handle>.descriptor.txt
"""

import contextlib
import datetime
import hashlib
import os
import pathlib
import re
import socket
import sys
from collections.abc import Iterator

import filelock
from tqdm import tqdm

from keras_transfer._files import written_whole
from keras_transfer._public import invalid_argument

_SHA256_LINE = re.compile(r"^SHA256: ([0-9a-f]{64})$", re.MULTILINE)


def root(cache: str | os.PathLike | None = None) -> pathlib.Path:
    """Says which folder holds the downloads.

    Without an argument it is `$TFHUB_CACHE_DIR`, else a folder of the user
    that lasts: `keras_transfer/tfhub` in `$XDG_CACHE_HOME` or `~/.cache`. The
    default of tensorflow_hub, the folder for temporary files, does not last.

    Args:
        cache: A folder that wins over the environment, or `None`.

    Returns:
        The `pathlib.Path`, which need not exist.

    Raises:
        ValueError: If the cache is not on a local file system.

    Example:

    >>> from keras_transfer.zoo import cache
    >>> cache.root("downloads").name
    'downloads'
    """
    name = "cache" if cache else "TFHUB_CACHE_DIR"
    chosen = os.fspath(cache or os.environ.get("TFHUB_CACHE_DIR", ""))
    if "://" in chosen:
        raise invalid_argument(
            name, chosen, "a folder of a local file system, which can be locked"
        )
    if chosen:
        return pathlib.Path(chosen).expanduser()
    home = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore relative paths.
    if not os.path.isabs(home):
        home = pathlib.Path.home() / ".cache"
    return pathlib.Path(home, "keras_transfer", "tfhub")


def folder_for(
    handle_text: str, cache: str | os.PathLike | None = None
) -> pathlib.Path:
    """Says where the model of a handle lies once it is downloaded.

    Args:
        handle_text: The handle without a pin: `Handle.text`.
        cache: As for `root`.

    Returns:
        The `pathlib.Path`, which need not exist.

    Example:

    >>> from keras_transfer.zoo import cache
    >>> cache.folder_for("https://tfhub.dev/google/yamnet/1").name[:8]
    '9616fd04'
    """
    return root(cache) / hashlib.sha1(handle_text.encode()).hexdigest()


@contextlib.contextmanager
def lock(folder: pathlib.Path, verbose: int = 0) -> Iterator[None]:
    """Keeps other processes away from an entry of the cache.

    The system releases the lock when a process dies, so that there is none to
    time out or to clean up. The lock file stays.

    Args:
        folder: The entry.
        verbose: 0 to wait for others without saying so.

    Yields:
        Nothing; the lock is held.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Not "<folder>.lock": to tensorflow_hub such a file is the lock itself.
    held = filelock.FileLock(f"{folder}.pull.lock")
    try:
        held.acquire(timeout=0)
    except filelock.Timeout:
        if verbose:
            tqdm.write(
                "Waiting for another process that pulls the same model.",
                file=sys.stderr,
            )
        held.acquire()
    try:
        yield
    finally:
        held.release()


def write_record(folder: pathlib.Path, handle_text: str, sha256: str) -> None:
    """Writes the descriptor of an entry, with the checksum of its archive.

    Write it after the entry stands: an entry without a record counts as
    unverified, one with a wrong record would pass for what it is not.

    Args:
        folder: The entry.
        handle_text: What was downloaded.
        sha256: Checksum of the archive.
    """
    lines = (
        # In one line, as no handle may write a checksum of its own.
        f"Module: {' '.join(handle_text.splitlines())}",
        f"Download Time: {datetime.datetime.now()}",
        f"Downloader Hostname: {socket.gethostname()} (PID:{os.getpid()})",
        f"SHA256: {sha256}",
    )
    with written_whole(_descriptor(folder)) as partial:
        partial.write_text("\n".join(lines), encoding="utf-8")


def recorded_sha256(folder: pathlib.Path) -> str | None:
    """Reads back the checksum of the archive that an entry came from.

    Args:
        folder: The entry.

    Returns:
        64 hex digits, or `None` if there is no record: tensorflow_hub, for
        one, writes none.
    """
    try:
        text = _descriptor(folder).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    found = _SHA256_LINE.findall(text)
    return found[-1] if found else None


def forget(folder: pathlib.Path) -> None:
    """Removes the record of an entry, before the entry is replaced.

    Args:
        folder: The entry.
    """
    _descriptor(folder).unlink(missing_ok=True)


def _descriptor(folder):
    return folder.with_name(f"{folder.name}.descriptor.txt")
