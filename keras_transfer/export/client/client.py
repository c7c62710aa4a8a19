"""Asks a model server: NumPy in, NumPy out."""

import re
import threading
from typing import Any

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.export.client import row_parts
from keras_transfer.export.client import tensor_forms
from keras_transfer.export.client.deadline import Deadline
from keras_transfer.export.client.over_grpc import GrpcTransport
from keras_transfer.export.client.over_rest import RestTransport
from keras_transfer.export.client.partial_failure import PartialFailure
from keras_transfer.export.client.serving_error import ServingError

#: What a model answers if its signatures are no longer those that we know.
_OUTDATED = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "INTERNAL")


class Client:
    """Asks a model on TensorFlow Serving, over gRPC or REST.

    `predict` takes arrays and returns a dict of arrays, the same over both.
    gRPC is the faster one by far for numbers. Strings go in as `str` or
    `bytes` and come back as `str`, but for outputs whose name ends in
    `_bytes`; those are `bytes`.

    What is wrong with the names, dtypes or shapes of the inputs is said
    before anything is sent: the signatures of the model are fetched once, and
    again when they do not fit any more. Numbers are cast within their kind
    (float64 to float32, int64 to int32 if the values fit), never from one
    kind to another.

    A server that is full, starting or not there (UNAVAILABLE,
    RESOURCE_EXHAUSTED, HTTP 429 and 503) is asked again, after random and
    growing waits, until `timeout` is over. If it refuses a batch
    (INVALID_ARGUMENT), the rows are sent one by one, and refused ones twice
    more, as a server that merges requests may have refused them for the row
    of another client. The good ones are answered, in `PartialFailure` if
    there are bad ones; that there are takes about 0.4 s to say.

    One client may be used by several threads. Close it, or use it in a
    `with` statement.

    Bad at: a model without `version` that gets a version with other outputs
    while a REST client asks it. REST does not say which version answered, so
    an only output keeps the name it had; give `version`, or use gRPC.

    Args:
        host: `"127.0.0.1:8500"` (gRPC) or `"http://127.0.0.1:8501"` (REST;
            also https, and with a path that comes before `/v1`).
        model: Name of the model on the server.
        version: Number of the version, by default the server's choice, which
            is the latest.
        label: Label of the version, as `"stable"`, instead of `version`.
        protocol: `"grpc"` or `"rest"`; `"auto"` takes REST if `host` is a
            URL.
        timeout: Seconds for each call, tries and waits included.
        max_batch_size: Rows per request at most; more are split up, and the
            answers joined in order. That of the server's batching is right.
        signature: The signature that `predict` asks by default.
        credentials: For gRPC over TLS, as `grpc.ssl_channel_credentials()`.
        headers: Dict of strings to send along with every request, such as
            an authorization.

    Raises:
        ValueError: If an argument is out of range.
        ImportError: If gRPC is asked for and not installed.

    Example:

    With a server on this machine, `client.predict(images)["scores"]` is an
    array of one row for each image. Without one:

    >>> import keras_transfer as kt
    >>> with kt.export.Client("http://127.0.0.1:9", "flowers") as client:
    ...     client.is_available()
    False
    """

    def __init__(
        self,
        host: str,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        protocol: str = "auto",
        timeout: float = 10.0,
        max_batch_size: int | None = None,
        signature: str = "serving_default",
        credentials: Any = None,
        headers: dict[str, str] | None = None,
    ):
        _check_model(model, version, label)
        _check_timeout(timeout)
        _check_size(max_batch_size)
        host, protocol = _address(host, protocol)
        self.host = host
        self.model = model
        self.version = version
        self.label = label
        self.protocol = protocol
        self.timeout = timeout
        self.max_batch_size = max_batch_size
        self.signature = signature
        self._lock = threading.Lock()
        self._known = None
        target = (host, model, version, label, headers or {})
        self._transport = _transport(protocol, target, credentials)

    def predict(
        self,
        inputs: Any,
        signature: str | None = None,
        *,
        timeout: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Answers of the model.

        Args:
            inputs: Dict from the name of an input to an array, or one array
                if the signature has one input. Axis 0 is the rows (for a
                few-shot model the tasks).
            signature: Name of the signature, by default that of the client.
            timeout: Seconds, by default those of the client.

        Returns:
            Dict from the name of an output to an array.

        Raises:
            ValueError: If signature, names, dtypes or shapes do not fit.
            PartialFailure: If some rows were refused.
            ServingError: If all were, or for any other reason of the server.
        """
        name = self.signature if signature is None else signature
        timeout = self.timeout if timeout is None else timeout
        _check_timeout(timeout)
        deadline = Deadline(timeout)
        known = self._metadata(deadline)
        try:
            return self._predict(inputs, name, known, deadline)
        except (ValueError, ServingError) as error:
            code = getattr(error, "code", _OUTDATED[0])
            if code not in _OUTDATED or not self._has_changed(known, deadline):
                raise
        return self._predict(inputs, name, self._metadata(deadline), deadline)

    def metadata(self) -> dict:
        """The version that answers now, and its signatures.

        Returns:
            `{"version": 1, "signatures": {"predict": {"method_name": "...",
            "inputs": {"image": {"dtype": "float32", "shape": (None, 6)}},
            "outputs": ...}}}`, `None` being a free dimension; the shape is
            `None` if its rank is free.

        Raises:
            ServingError: If the server does not answer.
        """
        known = self._metadata(Deadline(self.timeout), refresh=True)
        return {
            "version": known.version,
            "signatures": {
                name: {
                    "method_name": signature.method_name,
                    "inputs": _as_dicts(signature.inputs),
                    "outputs": _as_dicts(signature.outputs),
                }
                for name, signature in known.signatures.items()
            },
        }

    def status(self) -> dict[int, dict]:
        """The state of each version, asked once and without waiting.

        Returns:
            Dict from version to `{"state": "AVAILABLE", "error_code": "OK",
            "error_message": ""}`; other states are START, LOADING, UNLOADING
            and END. With `version` or `label` that version alone.

        Raises:
            ServingError: If the server does not answer, or knows neither the
                model nor the version or label.
        """
        deadline = Deadline(self.timeout)
        try:
            version = self.version
            if self.label is not None:
                # Some servers take no notice of a label here.
                version = self._transport.metadata(deadline.left()).version
            return self._transport.status(version, deadline.left())
        except ServingError as error:
            raise self._explained(error, deadline) from error

    def is_available(self) -> bool:
        """Whether a version that the client may ask is AVAILABLE.

        The HTTP code alone does not say so: a server answers 200 for a model
        whose only version has failed to load.
        """
        try:
            found = self.status()
        except ServingError:
            return False
        return any(entry["state"] == "AVAILABLE" for entry in found.values())

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    # === What the model takes

    def _metadata(self, deadline, refresh=False):
        with self._lock:
            known = self._known
        if known is not None and not refresh:
            return known
        try:
            known = deadline.retry(self._transport.metadata)
        except ServingError as error:
            raise self._explained(error, deadline) from error
        with self._lock:
            self._known = known
        return known

    def _has_changed(self, known, deadline):
        """Whether the server has another version now; then it is noted."""
        try:
            now = self._transport.metadata(deadline.left())
        except ServingError:
            return False  # The error at hand says more.
        with self._lock:
            self._known = now
        return now != known

    # === Rows

    def _predict(self, inputs, name, known, deadline):
        if name not in known.signatures:
            raise unknown_name("signature", name, known.signatures)
        signature = known.signatures[name]
        arrays = tensor_forms.as_inputs(inputs, signature)

        def ask(part):
            return deadline.retry(
                lambda left: self._transport.predict(
                    name, signature, part, left
                )
            )

        rows = row_parts.number_of_rows(arrays, signature)
        try:
            if not rows:
                return ask(arrays)
            size = self.max_batch_size or rows
            return row_parts.ask_in_parts(
                ask, arrays, rows, size, deadline.pause
            )
        except PartialFailure:
            raise
        except ServingError as error:
            raise self._explained(error, deadline) from error

    # === Errors

    def _explained(self, error, deadline):
        """The error, as one sentence about this model."""
        message = str(error)
        subject = f"Model {self.model!r} on {self.host}"
        if "servable version label" in message:
            text = (
                f"{subject} has no label {self.label!r}; labels are set in "
                "the server's configuration."
            )
        elif error.code == "NOT_FOUND":
            text = f"{self._what_is_there(deadline)} (it says: {message})."
        elif self.host in message or error.code == "DEADLINE_EXCEEDED":
            text = message  # It is about the server, not about the model.
        else:
            text = f"{subject} answered {error.code}: {message}"
        return ServingError(error.code, text)

    def _what_is_there(self, deadline):
        try:
            found = self._transport.status(None, deadline.left())
        except ServingError:
            found = {}
        if not found:
            return f"There is no model {self.model!r} on {self.host}"
        states = ", ".join(
            f"{version} ({entry['state']})"
            for version, entry in sorted(found.items())
        )
        wanted = "available version"
        if self.version is not None:
            wanted = f"available version {self.version}"
        return (
            f"Model {self.model!r} on {self.host} has no {wanted}; it has "
            f"{states}"
        )


def _address(host, protocol):
    """The host as the transport wants it, and `"grpc"` or `"rest"`."""
    if protocol not in ("auto", "grpc", "rest"):
        raise unknown_name("protocol", protocol, ("auto", "grpc", "rest"))
    if not isinstance(host, str):
        raise invalid_argument("host", host, "a string")
    is_url = host.startswith(("http://", "https://"))
    if is_url and protocol == "grpc":
        raise invalid_argument("host", host, '"host:port" for gRPC')
    if is_url or protocol == "rest":
        return (host if is_url else f"http://{host}").rstrip("/"), "rest"
    if "//" in host or not re.fullmatch(r".+:\d+", host):
        raise invalid_argument(
            "host", host, '"host:port" for gRPC, or a URL with http:// for REST'
        )
    return host, "grpc"


def _transport(protocol, target, credentials):
    if protocol == "grpc":
        return GrpcTransport(*target, credentials)
    if credentials is not None:
        raise invalid_argument(
            "credentials", credentials, "None for REST", "Use https://."
        )
    return RestTransport(*target)


def _check_size(size):
    if size is not None and not _is_count(size):
        raise invalid_argument(
            "max_batch_size", size, "a positive integer or None"
        )


def _check_model(model, version, label):
    if not isinstance(model, str) or not model:
        raise invalid_argument("model", model, "the name of a model")
    if version is not None and label is not None:
        raise invalid_argument(
            "label", label, f"None beside version={version!r}"
        )
    if version is not None and not _is_count(version, least=0):
        raise invalid_argument("version", version, "a whole number or None")
    if label is not None and (not isinstance(label, str) or not label):
        raise invalid_argument("label", label, "a string or None")


def _check_timeout(timeout):
    is_number = isinstance(timeout, int | float) and timeout == timeout
    if not is_number or isinstance(timeout, bool) or timeout <= 0:
        raise invalid_argument("timeout", timeout, "a positive number")


def _is_count(value, least=1):
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and value >= least


def _as_dicts(specs):
    return {name: spec._asdict() for name, spec in specs.items()}
