"""The REST side of the test server: TF Serving's paths and JSON."""

import base64
import contextlib
import http.server
import json
import re
import threading

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from tests.export.client.serving import DEFAULT_SIGNATURE
from tests.export.client.serving import Call
from tests.export.client.serving import rows_of
from tests.export.client.serving_batching import Refusal

HTTP_CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
}
PATH = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?"
    r"(:predict|/metadata)?"
)


@contextlib.contextmanager
def served(server, port=0):
    """Serves; gives the port."""
    handler = type("Handler", (_Handler,), {"models": server})
    web = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=web.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield web.server_port
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5  # Connections that a client keeps open end with the test.
    disable_nagle_algorithm = True
    models = None

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self._answer("GET", b"")

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self._answer("POST", self.rfile.read(length))

    def _answer(self, method, body):
        try:
            code, text = 200, self._result(method, body)
        except Refusal as error:
            code = HTTP_CODES[error.code]
            text = json.dumps({"error": str(error)}).encode()
        with contextlib.suppress(ConnectionError):  # The client gave up.
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def _result(self, method, body):
        found = PATH.fullmatch(self.path)
        model, version, label, action = found.groups() if found else [None] * 4
        if not found or (method == "POST") != (action == ":predict"):
            raise Refusal(
                "INVALID_ARGUMENT", f"Malformed request: {method} {self.path}"
            )
        version = None if version is None else int(version)
        if action == ":predict":
            return self._predict(model, version, label, json.loads(body))
        if action == "/metadata":
            number, signatures = self.models.metadata(model, version, label)
            spec = {"name": model, "signature_name": "", "version": str(number)}
            metadata = {"signature_def": _as_dict(signatures)}
            return json.dumps(
                {"model_spec": spec, "metadata": metadata}
            ).encode()
        return json.dumps(_as_dict(self.models.status(model, version))).encode()

    def _predict(self, model, version, label, body):
        _, found = self.models.find(model, version, label)
        name = body.get("signature_name") or DEFAULT_SIGNATURE
        if name not in found.signatures:
            raise Refusal(
                "INVALID_ARGUMENT",
                f'Serving signature name: "{name}" not found in signature def',
            )
        infos = found.signatures[name].inputs
        by_row = "instances" in body
        if by_row == ("inputs" in body):
            raise Refusal(
                "INVALID_ARGUMENT", "Missing 'inputs' or 'instances' key"
            )
        if by_row:
            inputs = _from_instances(body["instances"], infos)
        else:
            inputs = _from_inputs(body["inputs"], infos)
        call = Call("rest", name, rows_of(inputs), dict(self.headers))
        outputs = self.models.predict(call, found, inputs)
        return _written(outputs, by_row)


def _as_dict(message):
    return json_format.MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )


# === Reading


def _from_inputs(value, infos):
    if not isinstance(value, dict) or set(value) == {"b64"}:
        if len(infos) > 1:
            raise Refusal(
                "INVALID_ARGUMENT",
                "inputs is a plain value/list, but expecting an object as "
                "multiple input tensors required as per tensorinfo_map",
            )
        ((name, info),) = infos.items()
        return {name: _tensor(value, info.dtype)}
    for name in infos:
        if name not in value:
            raise Refusal(
                "INVALID_ARGUMENT",
                f"Missing named input: {name} in 'inputs' object.",
            )
    return {name: _tensor(value[name], infos[name].dtype) for name in infos}


def _from_instances(rows, infos):
    if not isinstance(rows, list) or not rows:
        raise Refusal("INVALID_ARGUMENT", "No values in 'instances' array")
    if not isinstance(rows[0], dict) or set(rows[0]) == {"b64"}:
        ((name, info),) = infos.items()
        return {name: _tensor(rows, info.dtype)}
    for number, row in enumerate(rows):
        if set(row) != set(infos):
            raise Refusal(
                "INVALID_ARGUMENT",
                f"Failed to process element: {number} of 'instances' list. "
                f"keys must be equal to: {','.join(sorted(infos))}",
            )
    return {
        name: _tensor([row[name] for row in rows], info.dtype)
        for name, info in infos.items()
    }


def _tensor(value, dtype):
    """The shape is that of the first items; all others must have it."""
    dtype = tf.dtypes.as_dtype(dtype)
    if dtype in (tf.float16, tf.bfloat16):
        raise Refusal(
            "UNIMPLEMENTED", f"Conversion of JSON Value to type: {dtype.name}"
        )
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    flat = []
    _collect(value, shape, dtype, flat)
    result = np.empty(len(flat), dtype=dtype.as_numpy_dtype)
    result[:] = flat
    return result.reshape(shape)


def _collect(value, shape, dtype, flat):
    if not isinstance(value, list):
        if shape:
            raise Refusal(
                "INVALID_ARGUMENT",
                f"JSON Value: {value} found at incorrect level",
            )
        flat.append(_scalar(value, dtype))
        return
    if not shape or len(value) != shape[0]:
        raise Refusal(
            "INVALID_ARGUMENT",
            f"Encountered list at unexpected size: {len(value)}",
        )
    for item in value:
        _collect(item, shape[1:], dtype, flat)


def _scalar(value, dtype):
    if dtype == tf.string:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict) and set(value) == {"b64"}:
            return base64.b64decode(value["b64"], validate=True)
    elif dtype == tf.bool:
        if isinstance(value, bool):
            return value
    elif not isinstance(value, bool):
        kinds = (int, float) if dtype.is_floating else int
        if isinstance(value, kinds):
            return value
    raise Refusal(
        "INVALID_ARGUMENT",
        f"JSON Value: {json.dumps(value)} is not of expected type: "
        f"{dtype.name}",
    )


# === Writing


def _written(outputs, by_row):
    if by_row:
        rows = {len(np.atleast_1d(value)) for value in outputs.values()}
        if len(rows) != 1:
            raise Refusal(
                "INVALID_ARGUMENT", "Tensors must have equal 0th dimension"
            )
    texts = {name: _nested(value, name) for name, value in outputs.items()}
    if len(texts) == 1:
        (content,) = texts.values()
    elif by_row:
        columns = [
            [(name, _nested(row, name)) for row in value]
            for name, value in outputs.items()
        ]
        content = _list(_object(row) for row in zip(*columns, strict=True))
    else:
        content = _object(texts.items())
    return _object([("predictions" if by_row else "outputs", content)])


def _object(items):
    pairs = (json.dumps(name).encode() + b": " + text for name, text in items)
    return b"{" + b", ".join(pairs) + b"}"


def _list(texts):
    return b"[" + b", ".join(texts) + b"]"


def _nested(value, name):
    """Bytes, as the server writes strings without a look at their encoding."""
    if isinstance(value, np.ndarray) and value.ndim:
        return _list(_nested(item, name) for item in value)
    value = value.item() if isinstance(value, np.ndarray) else value
    if isinstance(value, bytes):
        if name.endswith("_bytes"):
            return json.dumps(
                {"b64": base64.b64encode(value).decode()}
            ).encode()
        return b'"' + re.sub(rb'[\x00-\x1f"\\]', _escaped, value) + b'"'
    if isinstance(value, np.floating):
        # The shortest text that gives the same number in this precision.
        text = np.format_float_positional(value, unique=True, trim="0")
        if not np.isfinite(value):
            text = json.dumps(float(value))
        return text.encode()
    return json.dumps(value.item()).encode()


def _escaped(match):
    return b"\\u%04x" % ord(match[0])
