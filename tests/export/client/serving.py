"""A model server for tests: gRPC and REST, with TF Serving's answers.

It loads version folders as the real server does, through the graph loader and
a session, and copies what the real one says to wrong requests, its batching
(`serving_batching.py`) and its JSON (`serving_rest.py`).
"""

import contextlib
import dataclasses
import os
import threading
import time
from concurrent import futures

import numpy as np
import pytest
import tensorflow as tf

grpc = pytest.importorskip("grpc", reason="the extra `serving` is missing")
pytest.importorskip(
    "tensorflow_serving.apis", reason="the extra `serving` is missing"
)

from tensorflow.core.protobuf import config_pb2  # noqa: E402
from tensorflow_serving.apis import get_model_metadata_pb2  # noqa: E402
from tensorflow_serving.apis import get_model_status_pb2  # noqa: E402
from tensorflow_serving.apis import model_service_pb2_grpc  # noqa: E402
from tensorflow_serving.apis import predict_pb2  # noqa: E402
from tensorflow_serving.apis import prediction_service_pb2_grpc  # noqa: E402

from tests.export.client.serving_batching import Batcher  # noqa: E402
from tests.export.client.serving_batching import Batching as Batching  # noqa: E402
from tests.export.client.serving_batching import Refusal  # noqa: E402

CODES = {code.value[0]: code.name for code in grpc.StatusCode}
DEFAULT_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Call:
    """A predict request as it arrived, also if it was refused."""

    protocol: str
    signature: str
    rows: int
    headers: dict


class Version:
    """A loaded version folder.

    Args:
        path: The folder.
        batching: A `Batching`, or `None`.
    """

    def __init__(self, path, batching=None):
        graph = tf.Graph()
        config = tf.compat.v1.ConfigProto(
            intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
        )
        with graph.as_default():
            self.session = tf.compat.v1.Session(graph=graph, config=config)
            loaded = tf.compat.v1.saved_model.load(
                self.session, ["serve"], os.fspath(path)
            )
        self.signatures = dict(loaded.signature_def)
        self._lock = threading.Lock()
        self._callables = {}
        self.batchers = {}
        if batching is not None:
            self.batchers = {
                name: Batcher(self._runner(name), batching)
                for name in self.signatures
            }

    def run(self, name, inputs):
        """Outputs by name; refuses as the real server does."""
        signature = self.signatures[name]
        given, wanted = set(inputs), set(signature.inputs)
        if len(given) != len(wanted):
            raise Refusal(
                "INVALID_ARGUMENT",
                f"input size does not match signature: {len(given)}!="
                f"{len(wanted)} len({{{','.join(sorted(given))}}}) != len({{"
                f"{','.join(sorted(wanted))}}}). Sent extra: {{"
                f"{','.join(sorted(given - wanted))}}}. Missing but required: "
                f"{{{','.join(sorted(wanted - given))}}}.",
            )
        for alias in given - wanted:
            raise Refusal(
                "INVALID_ARGUMENT",
                f"input tensor alias not found in signature: {alias}. Inputs "
                f"expected to be in the set {{{','.join(sorted(wanted))}}}.",
            )
        run = self._runner(name)
        if name in self.batchers:
            run = self.batchers[name].run
        return run(inputs)

    def _runner(self, name):
        return lambda inputs: self._run_session(name, inputs)

    def _run_session(self, name, inputs):
        infos = self.signatures[name].inputs
        for position, (alias, info) in enumerate(sorted(infos.items())):
            given = tf.dtypes.as_dtype(inputs[alias].dtype)
            wanted = tf.dtypes.as_dtype(info.dtype)
            if given != wanted:
                raise Refusal(
                    "INVALID_ARGUMENT",
                    f"Expects arg[{position}] to be {_proto_name(wanted)} but "
                    f"{_proto_name(given)} is provided",
                )
        names = sorted(self.signatures[name].outputs)
        try:
            values = self._callable(name)(
                *(inputs[key] for key in sorted(infos))
            )
        except tf.errors.OpError as error:
            raise Refusal(CODES[error.error_code], error.message) from error
        return dict(zip(names, values, strict=True))

    def _callable(self, name):
        """Runs without the shape check and the casts of Python's `run`."""
        with self._lock:
            if name not in self._callables:
                signature = self.signatures[name]
                options = config_pb2.CallableOptions()
                for key in sorted(signature.inputs):
                    options.feed.append(signature.inputs[key].name)
                for key in sorted(signature.outputs):
                    options.fetch.append(signature.outputs[key].name)
                self._callables[name] = (
                    self.session._make_callable_from_options(options)
                )
            return self._callables[name]


class ModelServer:
    """Serves folders of versions until the end of a `with` statement.

    Args:
        models: Dict from the name of a model to its base folder, of which
            every version is loaded.
        labels: Dict from the name of a model to a dict from label to version.
        batching: Dict from the name of a model to a `Batching`.
        ports: Of gRPC and REST; 0 for any that is free.

    Attributes:
        ports: The two that it has.
        grpc: Host of the gRPC side.
        rest: URL of the REST side.
        calls: List of `Call`, in the order of their arrival.
        delay: Seconds that each predict takes longer.
    """

    def __init__(self, models, labels=None, batching=None, ports=(0, 0)):
        self.ports = ports
        self.labels = labels or {}
        self.versions, self.states = {}, {}
        for name, folder in models.items():
            for path in os.listdir(folder):
                if path.isdigit():
                    version = Version(
                        os.path.join(folder, path), (batching or {}).get(name)
                    )
                    self.versions.setdefault(name, {})[int(path)] = version
                    self.set_state(name, int(path), "AVAILABLE")
        self.calls, self.delay, self._faults = [], 0.0, []
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        from tests.export.client import serving_rest

        server = grpc.server(
            futures.ThreadPoolExecutor(8),
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            _PredictionService(self), server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            _ModelService(self), server
        )
        port = server.add_insecure_port(f"127.0.0.1:{self.ports[0]}")
        server.start()
        self._stack.callback(lambda: server.stop(None).wait())
        rest = serving_rest.served(self, self.ports[1])
        self.ports = port, self._stack.enter_context(rest)
        self.grpc = f"127.0.0.1:{self.ports[0]}"
        self.rest = f"http://127.0.0.1:{self.ports[1]}"
        return self

    def __exit__(self, *exception):
        self._stack.close()
        for versions in self.versions.values():
            for version in versions.values():
                version.session.close()

    # === What a test sets

    def fail(self, code, times, message="injected"):
        """The next predict requests get this status."""
        with self._lock:
            self._faults += [(code, message)] * times

    def reset(self):
        """As at the start, for the next test."""
        with self._lock:
            self.calls.clear()
            self._faults.clear()
        self.delay = 0.0
        for model, versions in self.versions.items():
            for version in versions:
                self.set_state(model, version, "AVAILABLE")

    def set_state(self, model, version, state, error="OK", message=""):
        """What the server says of a version, and whether it may be asked."""
        states = self.states.setdefault(model, {})
        states[version] = (state, error, message)

    # === What both protocols ask

    def find(self, model, version=None, label=None):
        """`(number, Version)`, if it is available."""
        if label is not None:
            version = self.labels.get(model, {}).get(label)
            if version is None:
                raise Refusal(
                    "INVALID_ARGUMENT",
                    f"Unrecognized servable version label: {label}",
                )
        available = [
            number
            for number, (state, *_) in self.states.get(model, {}).items()
            if state == "AVAILABLE" and version in (None, number)
        ]
        if not available:
            wanted = f"Latest({model})"
            if version is not None:
                wanted = f"Specific({model}, {version})"
            raise Refusal(
                "NOT_FOUND", f"Servable not found for request: {wanted}"
            )
        return max(available), self.versions[model][max(available)]

    def status(self, model, version=None):
        """Message with the states, whatever label was asked."""
        states = self.states.get(model, {})
        if not states:
            raise Refusal(
                "NOT_FOUND", f"Could not find any versions of model {model}"
            )
        if version is not None and version not in states:
            raise Refusal(
                "NOT_FOUND",
                f"Could not find version {version} of model {model}",
            )
        numbers = sorted(states, reverse=True) if version is None else [version]
        response = get_model_status_pb2.GetModelStatusResponse()
        for number in numbers:
            state, error, message = states[number]
            entry = response.model_version_status.add(
                version=number,
                state=get_model_status_pb2.ModelVersionStatus.State.Value(
                    state
                ),
            )
            entry.status.error_code = next(
                value for value, name in CODES.items() if name == error
            )
            entry.status.error_message = message
        return response

    def metadata(self, model, version=None, label=None):
        """`(number, SignatureDefMap)`."""
        number, found = self.find(model, version, label)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in found.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        return number, signatures

    def predict(self, call, version, inputs):
        """Outputs by name, after the delay and the faults of the test."""
        with self._lock:
            self.calls.append(call)
            fault = self._faults.pop(0) if self._faults else None
        time.sleep(self.delay)
        if fault is not None:
            raise Refusal(*fault)
        return version.run(call.signature, inputs)


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server):
        self._server = server

    def Predict(self, request, context):
        with _refusals(context):
            spec = request.model_spec
            number, version = self._server.find(*_choice(spec))
            name = spec.signature_name or DEFAULT_SIGNATURE
            if name not in version.signatures:
                raise Refusal(
                    "FAILED_PRECONDITION",
                    f'Serving signature key "{name}" not found.',
                )
            inputs = {
                key: tf.make_ndarray(proto)
                for key, proto in request.inputs.items()
            }
            headers = dict(context.invocation_metadata())
            call = Call("grpc", name, rows_of(inputs), headers)
            outputs = self._server.predict(call, version, inputs)
            response = predict_pb2.PredictResponse()
            response.model_spec.name = spec.name
            response.model_spec.signature_name = name
            response.model_spec.version.value = number
            for key, value in outputs.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return response

    def GetModelMetadata(self, request, context):
        with _refusals(context):
            spec = request.model_spec
            number, signatures = self._server.metadata(*_choice(spec))
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = spec.name
            response.model_spec.version.value = number
            response.metadata["signature_def"].Pack(signatures)
            return response


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, server):
        self._server = server

    def GetModelStatus(self, request, context):
        with _refusals(context):
            model, version, _ = _choice(request.model_spec)
            return self._server.status(model, version)


@contextlib.contextmanager
def _refusals(context):
    try:
        yield
    except Refusal as error:
        context.abort(grpc.StatusCode[error.code], str(error))


def _choice(spec):
    version = spec.version.value if spec.HasField("version") else None
    return spec.name, version, spec.version_label or None


def _proto_name(dtype):
    names = {"float32": "float", "float64": "double"}
    return names.get(dtype.name, dtype.name)


def rows_of(inputs):
    """Size of axis 0 of any input, or -1."""
    return max((len(np.atleast_1d(v)) for v in inputs.values()), default=-1)
