"""What a running server says of a version."""

import time
import urllib.parse
from typing import NamedTuple

from keras_transfer._public import invalid_argument

_SECONDS_BETWEEN = 0.5
_SECONDS_OF_A_CALL = 5.0


class State(NamedTuple):
    """State of one version.

    Attributes:
        name: `"AVAILABLE"`, `"LOADING"`, `"END"` and others; `None` if the
            server does not know the version.
        failure: What went wrong, or `""`.
    """

    name: str | None
    failure: str


def read(server, model, version):
    """Asks the server's REST port once.

    The HTTP status alone says little: it is 200 for a version that failed.

    Args:
        server: `"host:8501"` or a URL.
        model: Name of the model.
        version: Number of the version.

    Returns:
        The `State`.

    Raises:
        ConnectionError: If no TF Serving answers there.
    """
    import requests

    root = server if "://" in server else f"http://{server}"
    if not root.startswith(("http://", "https://")):
        raise invalid_argument("server", server, "'host:8501' or an http URL")
    name = urllib.parse.quote(model, safe="")
    url = f"{root.rstrip('/')}/v1/models/{name}/versions/{version}"
    try:
        answer = requests.get(url, timeout=_SECONDS_OF_A_CALL)
        contents = answer.json()
    except requests.exceptions.RequestException as error:
        raise ConnectionError(_no_server(server, error)) from error
    if answer.status_code == 404 and isinstance(contents, dict):
        return State(None, "")
    try:
        (found,) = contents["model_version_status"]
        status = found.get("status", {})
        code = status.get("error_code", "OK")
        message = status.get("error_message") or code
        return State(found["state"], "" if code == "OK" else message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConnectionError(_no_server(server, answer.text)) from error


def wait_until_available(server, model, version, before, timeout):
    """Waits until a version can be asked.

    Args:
        server: `"host:8501"` or a URL.
        model: Name of the model.
        version: Number of the version.
        before: Its `State` before it was asked for. A version that failed
            or was unloaded in the past still says so until it is loaded.
        timeout: Seconds to wait.

    Raises:
        ValueError: If the server could not load it.
        TimeoutError: If it is not there in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            state = read(server, model, version)
            said = state.failure or state.name or "unknown to the server"
        except ConnectionError as error:  # it may be starting again
            state, said = None, str(error)
        if state is not None:
            if state.name == "AVAILABLE":
                return
            if state != before and state.name == "END" and state.failure:
                raise invalid_argument(
                    "number",
                    version,
                    "a version that the server can load",
                    f"It says: {state.failure}",
                )
            if state.name not in ("END", None):
                before = None  # it has begun: from now on END is news
        if time.monotonic() >= deadline:
            raise TimeoutError(
                f"Version {version} of {model!r} is not available after "
                f"{timeout:g} seconds: {said}. The server looks at its "
                "config again only if it runs with "
                "--model_config_file_poll_wait_seconds; finish later with "
                "finish=True, on the command line --finish."
            )
        time.sleep(min(_SECONDS_BETWEEN, max(deadline - time.monotonic(), 0)))


def _no_server(server, found):
    found = " ".join(str(found).split())[:200]
    return (
        f"No TF Serving answers at {server}: {found}. Expected its REST port, "
        "usually 8501."
    )
