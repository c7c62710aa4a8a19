"""What kind of place a handle names, told from its text."""

import dataclasses
import os
import re
import urllib.parse

import tensorflow as tf

from keras_transfer._public import invalid_argument

ARCHIVES = (".tar", ".tar.gz", ".tgz")

_FORMS = (
    "(1) the path of an existing folder with a SavedModel, "
    "(2) the path of an existing archive of one that ends in .tar, .tar.gz or "
    ".tgz, "
    "(3) an http or https URL, as 'https://tfhub.dev/google/yamnet/1', "
    "(4) a URL that tf.io.gfile reads, as 'gs://bucket/folder' or "
    "'gs://bucket/model.tar.gz', or "
    "(5) a Kaggle handle 'owner/model/framework/variation' with or without "
    "'/version'; an archive's checksum may follow as '#sha256=<64 hex digits>'"
)
_PIN = re.compile(r"sha256=([0-9a-fA-F]{64})")
_SLUG = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_KAGGLE = re.compile(rf"{_SLUG}(/{_SLUG}){{3}}(/[1-9][0-9]*)?")
_FORMAT = ("tf-hub-format", "compressed")
_CHINA = "https://hub.tensorflow.google.cn/"
_CHINA_FILES = "https://gcs.tensorflow.google.cn/tfhub-modules/"


@dataclasses.dataclass(frozen=True)
class Handle:
    """A handle that has been understood; made by `parse`.

    Attributes:
        text: The handle without the pin; for local paths with `~` expanded.
        kind: `"folder"` or `"archive"` (both local), `"http"`,
            `"gs_archive"`, `"remote_folder"` or `"kaggle"`.
        sha256: Checksum the archive must have, in lower case, or `None`.
    """

    text: str
    kind: str
    sha256: str | None = None

    @property
    def has_archive(self) -> bool:
        """Whether there is one file whose checksum can be compared."""
        return self.kind in ("archive", "http", "gs_archive")


def parse(handle: str | os.PathLike | Handle) -> Handle:
    """Tells what kind of place a handle names.

    Nothing is read; only whether a local path exists is looked up, and an
    existing local path wins over every other reading. So a relative folder of
    four parts that does not exist is taken for a Kaggle handle.

    Web addresses of Kaggle Models are `"http"`: Kaggle answers them as it
    answers tensorflow_hub.

    Args:
        handle: One of the accepted forms, which the error lists, or a
            `Handle`, which comes back as it is.

    Returns:
        A `Handle`.

    Raises:
        ValueError: If the handle has none of the forms, or a fragment that is
            no checksum.

    Example:

    >>> from keras_transfer.zoo import handles
    >>> handles.parse("https://tfhub.dev/google/yamnet/1").kind
    'http'
    >>> handles.parse("google/yamnet/tensorFlow2/yamnet/1").kind
    'kaggle'
    """
    if isinstance(handle, Handle):
        return handle
    given = os.fspath(handle) if isinstance(handle, os.PathLike) else handle
    if not isinstance(given, str):
        raise invalid_argument("handle", handle, _FORMS)
    # A folder's own name may hold a "#".
    found = _local(given, None, given)
    if found:
        return found
    text, _, fragment = given.partition("#")
    pin = _PIN.fullmatch(fragment)
    if "#" in given and not pin:
        hint = "The fragment after '#' is no checksum."
        raise invalid_argument("handle", given, _FORMS, hint)
    sha256 = pin.group(1).lower() if pin else None
    found = _local(text, sha256, given)
    if found:
        return found
    kind = _remote_kind(text)
    if kind is None:
        hint = None
        if text.startswith((".", "/", "~", "file://")) or is_archive(text):
            hint = "There is no such file or folder."
        raise invalid_argument("handle", given, _FORMS, hint)
    return Handle(text, kind, sha256)


def download_url(handle: str | Handle, mirror: str | None = None) -> str:
    """Says where the archive of a handle is downloaded from.

    The query `tf-hub-format=compressed` is appended as tensorflow_hub does
    it: it asks the site for the archive instead of the web page. Unlike there
    it is not appended where the path already ends in .tar, .tar.gz or .tgz:
    such a URL is the archive, and a signed one would no longer be valid.

    Args:
        handle: A handle of kind `"http"` or `"gs_archive"`.
        mirror: URL whose scheme and host replace those of an http handle and
            whose path goes in front of the handle's. A gs:// URL has no host
            and stays as it is.

    Returns:
        The URL.

    Raises:
        ValueError: If the handle is of another kind or the mirror is no plain
            http(s) URL.

    Example:

    >>> from keras_transfer.zoo import handles
    >>> handles.download_url("https://tfhub.dev/google/yamnet/1")
    'https://tfhub.dev/google/yamnet/1?tf-hub-format=compressed'
    >>> handles.download_url("https://a.org/m.tgz", "http://b.org:8080/hub")
    'http://b.org:8080/hub/m.tgz'
    """
    handle = parse(handle)
    if handle.kind == "gs_archive":
        return handle.text
    if handle.kind != "http":
        raise invalid_argument("handle", handle.text, "a URL of an archive")
    url = handle.text
    if url.startswith(_CHINA):
        # As tensorflow_hub: this host redirects to pages only.
        url = f"{_CHINA_FILES}{url[len(_CHINA) :]}.tar.gz"
    parts = urllib.parse.urlsplit(url)
    if not is_archive(parts.path):
        query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        query = urllib.parse.urlencode([*query, _FORMAT])
        url = urllib.parse.urlunsplit((*parts[:3], query, ""))
    return mirrored(url, mirror) if mirror else url


def mirrored(url: str, mirror: str) -> str:
    """Replaces scheme and host of a URL by those of a mirror.

    Args:
        url: An http or https URL.
        mirror: An http or https URL; its path goes in front.

    Returns:
        The URL at the mirror.

    Raises:
        ValueError: If the mirror is no plain http(s) URL.
    """
    base = urllib.parse.urlsplit(mirror)
    is_plain = base.hostname and not base.query and not base.fragment
    if base.scheme not in ("http", "https") or not is_plain:
        raise invalid_argument(
            "mirror", mirror, "a URL as 'https://host' or 'https://host/path'"
        )
    parts = urllib.parse.urlsplit(url)
    path = base.path.rstrip("/") + parts.path
    return urllib.parse.urlunsplit(
        (base.scheme, base.netloc, path, parts.query, "")
    )


def is_archive(path: str) -> bool:
    """Whether a path ends as an archive does."""
    return path.lower().endswith(ARCHIVES)


def _local(text, sha256, given):
    path = os.path.expanduser(text.removeprefix("file://"))
    if not os.path.exists(path):
        return None
    if os.path.isdir(path):
        return Handle(path, "folder", sha256)
    if is_archive(path):
        return Handle(path, "archive", sha256)
    raise invalid_argument(
        "handle",
        given,
        _FORMS,
        "This is a file; give the folder that holds saved_model.pb.",
    )


def _remote_kind(text):
    # Spaces and line breaks are never part of a URL, and would spoil records.
    if not text.isprintable() or " " in text:
        return None
    scheme, separator, rest = text.partition("://")
    if not separator:
        return "kaggle" if _KAGGLE.fullmatch(text) else None
    if scheme in ("http", "https"):
        return "http" if urllib.parse.urlsplit(text).hostname else None
    known = {"gs", *tf.io.gfile.get_registered_schemes()} - {"", "file"}
    if scheme not in known or not rest.strip("/"):
        return None
    return "gs_archive" if is_archive(text) else "remote_folder"
