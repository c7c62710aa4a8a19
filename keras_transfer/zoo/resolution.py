"""From a handle to the folder of its SavedModel."""

import contextlib
import hashlib
import os
import pathlib
import shlex

from keras_transfer.zoo import archive
from keras_transfer.zoo import cache as downloads
from keras_transfer.zoo import download
from keras_transfer.zoo import handles


def resolve(
    handle: str | os.PathLike | handles.Handle,
    *,
    cache: str | os.PathLike | None = None,
    offline: bool | None = None,
    mirror: str | None = None,
    verbose: int = 1,
) -> pathlib.Path | str:
    """Finds the SavedModel of a handle, and downloads it if it must.

    - Local folders, and remote ones as gs://, come back as they are.
    - Archives, local or not, are unpacked into the cache: see
      `cache.folder_for`. It is shared with tensorflow_hub.
    - Kaggle handles are left to kagglehub, which has a cache of its own,
      `$KAGGLEHUB_CACHE`, and reports its progress itself. A handle without a
      version is the newest one, offline the newest that was downloaded.

    A checksum at the end of the handle, `#sha256=...`, is compared with the
    archive before it is unpacked, and with the record of what is in the cache.
    What tensorflow_hub has downloaded has no such record; a handle with a
    checksum downloads it again.

    Several processes may resolve a handle at once: one downloads, the others
    wait for it.

    With `TFHUB_MODEL_LOAD_FORMAT=UNCOMPRESSED` http handles are left to
    tensorflow_hub, which names a folder to read remotely.

    Args:
        handle: What to find; see `handles.parse` for the forms.
        cache: Folder for downloads, those of kagglehub too; by default
            `$TFHUB_CACHE_DIR`, else a folder of the user that lasts.
        offline: Whether never to touch the network; by default whether the
            environment variable `KERAS_TRANSFER_OFFLINE` is 1.
        mirror: URL that replaces scheme and host of http handles; by default
            that in `KERAS_TRANSFER_MIRROR`. The cache goes by the handle, not
            by the mirror.
        verbose: 0 for no progress bar.

    Returns:
        The `pathlib.Path` of a folder with `saved_model.pb` in it; the URL, a
        string, where the folder is remote.

    Raises:
        ValueError: If the handle has no known form, the checksum differs or
            the archive is refused (see `archive.unpack`).
        OSError: If the download fails (see `download.fetch`), or, a
            `FileNotFoundError`, if the model is not there and may not be
            downloaded.
        ImportError: If kagglehub is needed and missing.

    Example:

    >>> import pathlib, tarfile, tempfile
    >>> from keras_transfer.zoo import resolution
    >>> folder = tempfile.TemporaryDirectory()
    >>> model = pathlib.Path(folder.name, "saved_model.pb")
    >>> _ = model.write_bytes(b"")
    >>> path = pathlib.Path(folder.name, "model.tar.gz")
    >>> with tarfile.open(path, "w:gz") as tar:
    ...     tar.add(model, "saved_model.pb")
    >>> found = resolution.resolve(path, cache=folder.name)
    >>> [file.name for file in found.iterdir()]
    ['saved_model.pb']
    >>> folder.cleanup()
    """
    handle = handles.parse(handle)
    if handle.sha256 and not handle.has_archive:
        raise ValueError(
            f"A sha256 is that of an archive, and {handle.text} names none: "
            "leave it out, or give the URL or path of the archive."
        )
    offline = is_offline(offline)
    if handle.kind == "folder":
        return pathlib.Path(handle.text)
    if handle.kind == "archive":
        return _from_local_archive(handle, cache, verbose)
    if handle.kind == "remote_folder":
        if offline:
            raise _not_there(handle, "It is a remote folder", cache)
        return handle.text
    if handle.kind == "kaggle":
        return _from_kaggle(handle, cache, offline, verbose)
    mirror = mirror or os.environ.get("KERAS_TRANSFER_MIRROR") or None
    is_direct = os.environ.get("TFHUB_MODEL_LOAD_FORMAT") == "UNCOMPRESSED"
    if is_direct and handle.kind == "http" and not offline:
        return _from_tensorflow_hub(handle, mirror)
    return _from_download(handle, cache, offline, mirror, verbose)


def is_offline(offline: bool | None = None) -> bool:
    """Tells whether the network may not be touched.

    Args:
        offline: What the caller was told, or `None` to ask the environment
            variable `KERAS_TRANSFER_OFFLINE`.

    Returns:
        `offline`; of the variable False if it is missing, empty, 0, false, no
        or off.
    """
    if offline is not None:
        return bool(offline)
    value = os.environ.get("KERAS_TRANSFER_OFFLINE", "")
    return value.strip().lower() not in ("", "0", "false", "no", "off")


def _from_download(handle, cache, offline, mirror, verbose):
    entry = downloads.folder_for(handle.text, cache)
    # Without the lock first: a shared cache may be read-only.
    found = _in_cache(handle, entry)
    if found:
        return found
    if offline:
        raise _not_there(handle, _looked_in(entry), cache)
    url = handles.download_url(handle, mirror)
    with downloads.lock(entry, verbose):
        found = _in_cache(handle, entry)
        if found:
            return found
        path = entry.with_name(f"{entry.name}.download")
        sha256 = download.fetch(url, path, verbose, name=handle.text)
        try:
            _compare(handle, sha256, "The download was deleted")
            _unpack(path, entry, handle.text, sha256)
        finally:
            path.unlink(missing_ok=True)
    return entry


def _from_local_archive(handle, cache, verbose):
    with open(handle.text, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    _compare(handle, sha256, "The file was not unpacked")
    # By its contents, so that a changed file is another entry.
    entry = downloads.folder_for(f"sha256:{sha256}", cache)
    if archive.model_folder(entry) != entry:
        with downloads.lock(entry, verbose):
            if archive.model_folder(entry) != entry:
                _unpack(handle.text, entry, handle.text, sha256)
    return entry


def _unpack(path, entry, source, sha256):
    archive.remove_leftovers(entry)
    # First of all: the old record must never stand beside the new contents.
    downloads.forget(entry)
    archive.unpack(path, entry, source)
    downloads.write_record(entry, source, sha256)


def _in_cache(handle, entry):
    found = archive.model_folder(entry)
    if found is None or handle.sha256 is None:
        return found
    recorded = downloads.recorded_sha256(entry)
    if recorded is None:
        return None
    _compare(handle, recorded, f"To download it anew delete {entry}")
    return found


def _compare(handle, sha256, then):
    if handle.sha256 not in (None, sha256):
        raise ValueError(
            f"The checksum of {handle.text} is wrong. Expected: sha256 "
            f"{handle.sha256}. Received: sha256 {sha256}. {then}."
        )


def _looked_in(entry):
    if archive.model_folder(entry):
        return f"No checksum was recorded for what is in {entry}"
    return f"It was looked for in {entry}"


def _not_there(handle, why, cache):
    text = handle.text + (f"#sha256={handle.sha256}" if handle.sha256 else "")
    command = ["keras-transfer", "zoo", "pull", text]
    if cache:
        command += ["--cache", os.fspath(cache)]
    return FileNotFoundError(
        f"{handle.text} is not on this machine, and offline nothing is "
        f"downloaded. {why}. Where there is a network, run: "
        f"{shlex.join(command)}"
    )


def _from_tensorflow_hub(handle, mirror):
    if handle.sha256:
        raise ValueError(
            "A sha256 is that of an archive, and with TFHUB_MODEL_LOAD_FORMAT="
            f"UNCOMPRESSED none is downloaded for {handle.text}: leave either "
            "out."
        )
    import tensorflow_hub

    url = handles.mirrored(handle.text, mirror) if mirror else handle.text
    return tensorflow_hub.resolve(url)


# === Kaggle


def _from_kaggle(handle, cache, offline, verbose):
    parts = handle.text.split("/")
    variation = _kaggle_root(cache).joinpath("models", *parts[:4])
    version = parts[4] if len(parts) > 4 else None
    found = None
    if offline or version:
        found = _newest_complete(variation, version)
    if not found:
        if offline:
            why = f"It was looked for in {variation}"
            raise _not_there(handle, why, cache)
        with downloads.lock(variation, verbose):
            found = pathlib.Path(_model_download(handle, cache))
    folder = archive.model_folder(found)
    if folder is None:
        names = sorted(path.name for path in found.iterdir())
        raise ValueError(
            f"{handle.text} is no SavedModel: {found} holds {names}. Choose a "
            "TensorFlow2 variation of the model."
        )
    return folder


def _kaggle_root(cache):
    if cache:
        return downloads.root(cache)
    default = pathlib.Path.home() / ".cache" / "kagglehub"
    return pathlib.Path(os.environ.get("KAGGLEHUB_CACHE", default))


def _newest_complete(variation, version):
    """A finished version in the cache of kagglehub: it marks those."""
    versions = [
        int(mark.stem)
        for mark in variation.glob("*.complete")
        if mark.stem.isdecimal() and version in (None, mark.stem)
    ]
    for number in sorted(versions, reverse=True):
        if (variation / str(number)).is_dir():
            return variation / str(number)
    return None


def _model_download(handle, cache):
    try:
        import kagglehub
    except ImportError as error:
        raise ImportError(
            f"{handle.text} is no local folder, and as a Kaggle handle it "
            "needs kagglehub: pip install keras-transfer[kaggle]"
        ) from error
    with _kaggle_cache(cache):
        try:
            return kagglehub.model_download(handle.text)
        # Its errors share no base class, and not all say what was asked for.
        except Exception as error:
            raise ConnectionError(
                f"{handle.text} is no local folder, and kagglehub could not "
                f"download it: {error}"
            ) from error


@contextlib.contextmanager
def _kaggle_cache(cache):
    """kagglehub takes its folder from the environment alone."""
    name = "KAGGLEHUB_CACHE"
    before = os.environ.get(name)
    if cache:
        os.environ[name] = str(_kaggle_root(cache))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
