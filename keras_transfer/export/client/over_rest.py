"""The REST side of `Client`."""

import base64
import json
import urllib.parse
from typing import Any

import numpy as np
import requests
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.export.client import tensor_forms
from keras_transfer.export.client.serving_error import ServingError
from keras_transfer.export.client.serving_error import one_line

#: What the server's HTTP codes stand for.
CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class RestTransport:
    """Speaks JSON over HTTP, in the server's column format.

    Args:
        url: `"http://host:port"`, with a path before `/v1` if there is one.
        model: Name of the model.
        version: Number of the version, or `None`.
        label: Label of the version, or `None`.
        headers: Dict, sent along with each request.
    """

    def __init__(self, url, model, version, label, headers):
        self._url = url.rstrip("/")
        self._model = f"/v1/models/{urllib.parse.quote(model, safe='')}"
        self._path = self._model
        if version is not None:
            self._path += f"/versions/{version}"
        if label is not None:
            self._path += f"/labels/{urllib.parse.quote(label, safe='')}"
        self._session = requests.Session()
        self._session.headers.update(headers)

    def predict(
        self,
        name: str,
        signature: tensor_forms.Signature,
        arrays: dict[str, np.ndarray],
        timeout: float,
    ) -> dict[str, np.ndarray]:
        """One request, one answer."""
        values = {key: as_json(array, key) for key, array in arrays.items()}
        body = json.dumps(
            {"signature_name": name, "inputs": values}, separators=(",", ":")
        )
        answer = self._call("POST", f"{self._path}:predict", timeout, body)
        try:
            outputs = answer["outputs"]
            if len(signature.outputs) == 1:
                # The server leaves out the name of an only output.
                outputs = dict.fromkeys(signature.outputs, outputs)
            return {
                key: from_json(outputs[key], key, spec.dtype)
                for key, spec in signature.outputs.items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise ServingError(
                "INTERNAL",
                f"The outputs in the answer of {self._url} are not those of "
                f"signature {name!r} ({', '.join(signature.outputs)}).",
            ) from error

    def metadata(self, timeout: float) -> tensor_forms.Metadata:
        """The signatures of the version that answers now."""
        answer = self._call("GET", f"{self._path}/metadata", timeout)
        try:
            found = answer["metadata"]["signature_def"]["signature_def"]
            signatures = {
                name: tensor_forms.Signature(
                    _specs(signature.get("inputs", {})),
                    _specs(signature.get("outputs", {})),
                    signature.get("method_name", ""),
                )
                for name, signature in sorted(found.items())
                if not tensor_forms.is_internal(name)
            }
            version = int(answer["model_spec"]["version"])
        except (KeyError, TypeError, ValueError) as error:
            raise self._foreign(repr(answer)) from error
        return tensor_forms.Metadata(version, signatures)

    def status(self, version: int | None, timeout: float) -> dict[int, dict]:
        """The states of one version, or of all."""
        path = self._model
        if version is not None:
            path += f"/versions/{version}"
        answer = self._call("GET", path, timeout)
        try:
            return {
                int(found["version"]): {
                    "state": found["state"],
                    "error_code": found["status"]["error_code"],
                    "error_message": found["status"]["error_message"],
                }
                for found in answer["model_version_status"]
            }
        except (KeyError, TypeError, ValueError) as error:
            raise self._foreign(repr(answer)) from error

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def _call(self, method, path, timeout, body=None):
        response = self._response(method, path, timeout, body)
        # The server writes strings as they are, UTF-8 or not.
        text = response.content.decode("utf-8", "surrogateescape")
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not response.ok:
            known = answer if isinstance(answer, dict) else {}
            message = known.get("error") or f"{response.reason}: {text[:200]}"
            code = CODES.get(response.status_code, "UNKNOWN")
            raise ServingError(code, one_line(str(message)))
        if not isinstance(answer, dict):
            raise self._foreign(text)
        return answer

    def _response(self, method, path, timeout, body):
        try:
            return self._session.request(
                method,
                self._url + path,
                data=body,
                timeout=timeout,
                headers={"Content-Type": "application/json"} if body else None,
            )
        except requests.Timeout as error:
            raise ServingError(
                "DEADLINE_EXCEEDED",
                f"{self._url} did not answer within {timeout:.2g} s, what was "
                "left of the timeout.",
            ) from error
        except requests.RequestException as error:
            reason = one_line(str(error))
            if "BadStatusLine" in reason:
                raise ServingError(
                    "UNIMPLEMENTED",
                    f"{self._url} does not speak HTTP; if it is the gRPC "
                    "port, leave out http://.",
                ) from error
            # Everything else, such as a URL that is none, stays as it is.
            is_passing = isinstance(
                error,
                requests.ConnectionError
                | requests.exceptions.ChunkedEncodingError,
            )
            if "Connection refused" in reason:
                reason = "connection refused"
            raise ServingError(
                "UNAVAILABLE" if is_passing else "UNKNOWN",
                f"No server answers at {self._url} over HTTP ({reason}); see "
                "whether it runs, and at which port (by default 8501).",
            ) from error

    def _foreign(self, text):
        return ServingError(
            "UNKNOWN",
            f"{self._url} does not answer as TF Serving does: {text[:200]}",
        )


def as_json(array: np.ndarray, name: str) -> Any:
    """Nested lists; strings as base64, which keeps every byte.

    Raises:
        ValueError: If the array is empty: JSON does not carry its shape.
    """
    if not array.size:
        raise invalid_argument(
            name,
            f"array of shape {array.shape}",
            "at least one value, as REST has no shape for none",
        )
    if array.dtype != object:
        # bfloat16 is none of NumPy's own dtypes.
        return np.asarray(array, json_dtype(array.dtype)).tolist()
    flat = [{"b64": base64.b64encode(text).decode()} for text in array.flat]
    nested = np.empty(len(flat), dtype=object)
    nested[:] = flat
    return nested.reshape(array.shape).tolist()


def json_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype itself, or one that holds its values and has Python's."""
    return dtype if dtype.kind in "biuf" else np.dtype("float32")


def from_json(value: Any, name: str, dtype: str) -> np.ndarray:
    """An array of the dtype of the signature."""
    if dtype != "string":
        return np.array(value, tf.dtypes.as_dtype(dtype).as_numpy_dtype)
    if name.endswith(tensor_forms.BYTES_SUFFIX):
        value = _decoded(value)
    return np.array(value, dtype=object)


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return base64.b64decode(value["b64"])


def _specs(infos):
    return {
        name: tensor_forms.TensorSpec(
            tensor_forms.dtype_name(info["dtype"]),
            tensor_forms.shape_of(
                [dim["size"] for dim in info["tensor_shape"].get("dim", [])],
                info["tensor_shape"].get("unknown_rank", False),
            ),
        )
        for name, info in sorted(infos.items())
    }
