"""Downloads one file, whatever happens on the way."""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import time
import urllib.parse

import requests
import tensorflow as tf
import urllib3
from tqdm import tqdm

from keras_transfer._files import written_whole
from keras_transfer._version import __version__

#: Tries without a new byte before it is given up, and seconds to wait after
#: the first; each further wait is twice as long.
ATTEMPTS = 4
FIRST_WAIT = 1.0
#: What a server may ask for at most in Retry-After, in seconds.
LONGEST_WAIT = 60.0
#: Seconds to connect, and seconds without a byte.
TIMEOUTS = (10.0, 30.0)

_CHUNK = 1 << 16
_HEADERS = {
    # An archive is compressed already, and its checksum is that of the file.
    "Accept-Encoding": "identity",
    "User-Agent": f"keras-transfer/{__version__}",
}
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class _Retry(Exception):
    """What may be over at the next try."""

    def __init__(self, reason, wait=0.0):
        super().__init__(reason)
        self.wait = wait


_PASSING = (
    _Retry,
    requests.ConnectionError,
    requests.Timeout,
    urllib3.exceptions.HTTPError,
)


def fetch(
    url: str,
    path: str | os.PathLike,
    verbose: int = 1,
    *,
    name: str | None = None,
) -> str:
    """Downloads a file over http(s), or through `tf.io.gfile`.

    Over http(s) redirects are followed and the bytes are kept as they are
    sent. Broken connections, timeouts (10 s to connect, 30 s without a byte)
    and the statuses 408, 429 and 5xx are tried again after 1, 2 and 4 s, and
    given up after 4 tries in a row that brought nothing new; a server may ask
    for up to 60 s between them. Every other status is final.

    A download that was broken off continues where it stood, also in another
    process, if the server had named a version of the file (ETag or
    Last-Modified) and still has it; otherwise it begins anew. Until it is
    whole it lies beside `path`, as `<path>.partial` and `<path>.partial.json`.
    One process at a time may download to `path`.

    Args:
        url: Where the file is.
        path: Where it goes; the folder exists.
        verbose: 0 for no progress bar.
        name: What messages call the file, by default its URL.

    Returns:
        The sha256 of the file, 64 hex digits.

    Raises:
        FileNotFoundError: If there is no such file (404, 410).
        PermissionError: If the server wants an account (401, 403).
        ConnectionError: If it failed otherwise.
    """
    path = pathlib.Path(path)
    name = name or _shown(url)
    if url.startswith(("http://", "https://")):
        _fetch_http(url, path, name, verbose)
    else:
        _copy_remote(url, path, name, verbose)
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclasses.dataclass
class _Partial:
    """What has come so far, and of which version of the file.

    Attributes:
        path: The file.
        url: Digest of the URL, which may hold a password.
        version: Strong ETag or Last-Modified, or `None`.
        length: Bytes of the whole file, or `None` if the server didn't say.
    """

    path: pathlib.Path
    url: str
    version: str | None = None
    length: int | None = None

    @classmethod
    def at(cls, path, url):
        url = hashlib.sha256(url.encode()).hexdigest()
        found = cls(path, url)
        try:
            state = json.loads(found.state.read_text("utf-8"))
            if state.pop("url") == url:
                found = cls(path, url, **state)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass  # No state, or none of ours: begin anew.
        return found

    @property
    def state(self):
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def size(self):
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def resumes_at(self):
        return self.size if self.version else 0

    @property
    def is_whole(self):
        return self.version is not None and 0 < self.size == self.length

    def restart(self, version=None, length=None):
        """Forgets what came; the state never describes an older file."""
        self.path.unlink(missing_ok=True)
        self.version, self.length = version, length
        state = {"url": self.url, "version": version, "length": length}
        with written_whole(self.state) as partial:
            partial.write_text(json.dumps(state), "utf-8")

    def finish(self, path):
        self.path.replace(path)
        self.state.unlink(missing_ok=True)


def _fetch_http(url, path, name, verbose):
    partial = _Partial.at(path.with_name(f"{path.name}.partial"), url)
    failures, most = 0, partial.resumes_at
    with requests.Session() as session, _bar(name, verbose) as bar:
        while not partial.is_whole:
            try:
                _attempt(session, url, partial, name, bar)
                break
            except requests.exceptions.SSLError as error:
                raise ConnectionError(
                    f"Could not download {name}: {_reason(error)}. For a "
                    "certificate of your own set REQUESTS_CA_BUNDLE to its "
                    "file."
                ) from error
            except _PASSING as error:
                failures = 1 if partial.size > most else failures + 1
                most = max(most, partial.size)
                if failures >= ATTEMPTS:
                    raise ConnectionError(
                        f"Could not download {name} in {failures} tries: "
                        f"{_reason(error)}."
                    ) from error
                asked = error.wait if isinstance(error, _Retry) else 0.0
                time.sleep(max(FIRST_WAIT * 2 ** (failures - 1), asked))
            except requests.RequestException as error:
                raise ConnectionError(
                    f"Could not download {name}: {_reason(error)}."
                ) from error
    partial.finish(path)


def _attempt(session, url, partial, name, bar):
    headers = dict(_HEADERS)
    start = partial.resumes_at
    if start:
        headers["Range"] = f"bytes={start}-"
        # Without it a new version would be glued to the old one's begin.
        headers["If-Range"] = partial.version
    with session.get(
        url, headers=headers, stream=True, timeout=TIMEOUTS
    ) as response:
        if start and response.status_code in (206, 416):
            if not _continues(response, partial, start):
                partial.restart()
                raise _Retry("the server no longer has the version begun")
        else:
            _check_status(response, name)
            partial.restart(_version(response), _length(response))
        bar.total, bar.n = partial.length, partial.size
        bar.refresh()
        with open(partial.path, "ab") as file:
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                file.write(chunk)
                bar.update(len(chunk))
    if partial.length not in (None, partial.size):
        came, whole = partial.size, partial.length
        if came > whole:
            partial.restart()
        raise _Retry(f"{came} of {whole} bytes came")


def _continues(response, partial, start):
    """Whether an answer to a Range is the rest of what was begun."""
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return (
        response.status_code == 206
        and found is not None
        and int(found.group(1)) == start
        and partial.length in (None, int(found.group(2)))
        and _version(response) in (None, partial.version)
    )


def _check_status(response, name):
    status = response.status_code
    if status == 200:
        return
    said = f"{status} {response.reason or ''}".strip()
    host = urllib.parse.urlsplit(response.url).hostname
    if status in (404, 410):
        raise FileNotFoundError(
            f"{host} does not know {name} ({said}). Check its spelling and "
            "its version."
        )
    if status in (401, 403):
        raise PermissionError(
            f"{host} does not give out {name} ({said}): it may need an "
            "account, or a licence to be accepted on its web page."
        )
    if status in (408, 429) or status >= 500:
        asked = response.headers.get("Retry-After", "")
        wait = min(float(asked), LONGEST_WAIT) if asked.isdecimal() else 0.0
        raise _Retry(f"{host} answered {said}", wait)
    raise ConnectionError(
        f"Could not download {name}: {host} answered {said}, where a file was "
        "expected."
    )


def _version(response):
    tag = response.headers.get("ETag")
    # Weak tags may stand for other bytes; HTTP does not resume by them.
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified")


def _length(response):
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _copy_remote(url, path, name, verbose):
    try:
        with (
            tf.io.gfile.GFile(url, "rb") as source,
            written_whole(path) as partial,
            open(partial, "wb") as file,
            _bar(name, verbose) as bar,
        ):
            bar.total = source.size()
            while chunk := source.read(_CHUNK << 4):
                file.write(chunk)
                bar.update(len(chunk))
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"There is no {name}.") from error
    except tf.errors.OpError as error:
        raise ConnectionError(
            f"Could not download {name}: {error.message}"
        ) from error


def _bar(name, verbose):
    return tqdm(
        desc=f"Downloading {name}",
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=not verbose,
    )


def _shown(url):
    """A URL without what may be secret: user, password and query."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def _reason(error):
    """The cause at the bottom; those above repeat the whole URL."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    reason = getattr(error, "reason", None) or error
    return str(reason).split(">: ")[-1].rstrip(".")
