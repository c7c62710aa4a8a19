"""The gRPC side of `Client`."""

import re
import types
from typing import Any

import numpy as np
import tensorflow as tf

from keras_transfer.export.client import tensor_forms
from keras_transfer.export.client.serving_error import ServingError
from keras_transfer.export.client.serving_error import one_line

_OPTIONS = (
    # gRPC's own limit of 4 MB is below one batch of features.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Its waits before it connects again, 1 s to 120 s, outlast our deadlines.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
#: How gRPC says that it hears HTTP/1.
_OTHER_PROTOCOL = re.compile("http1.x|parsing HTTP/2")


def _import_apis():
    try:
        import grpc
        from tensorflow_serving.apis import get_model_metadata_pb2
        from tensorflow_serving.apis import get_model_status_pb2
        from tensorflow_serving.apis import model_service_pb2_grpc
        from tensorflow_serving.apis import predict_pb2
        from tensorflow_serving.apis import prediction_service_pb2_grpc
    except ImportError as error:
        raise ImportError(
            "gRPC needs packages that are not installed: pip install "
            '"keras-transfer[serving]", or use REST, as host="http://...".'
        ) from error
    return types.SimpleNamespace(
        grpc=grpc,
        metadata=get_model_metadata_pb2,
        status=get_model_status_pb2,
        predict=predict_pb2,
        models=model_service_pb2_grpc,
        prediction=prediction_service_pb2_grpc,
    )


class GrpcTransport:
    """Speaks to PredictionService and ModelService.

    Args:
        host: `"host:port"`.
        model: Name of the model.
        version: Number of the version, or `None`.
        label: Label of the version, or `None`.
        headers: Dict, sent along with each request.
        credentials: `grpc.ChannelCredentials` for TLS, or `None`.
    """

    def __init__(self, host, model, version, label, headers, credentials=None):
        self._apis = _import_apis()
        self._host = host
        self._model = model
        self._version = version
        self._label = label
        self._headers = [(k.lower(), v) for k, v in headers.items()]
        if credentials is None:
            self._channel = self._apis.grpc.insecure_channel(host, _OPTIONS)
        else:
            self._channel = self._apis.grpc.secure_channel(
                host, credentials, _OPTIONS
            )
        apis = self._apis
        self._prediction = apis.prediction.PredictionServiceStub(self._channel)
        self._models = apis.models.ModelServiceStub(self._channel)

    def predict(
        self,
        name: str,
        signature: tensor_forms.Signature,
        arrays: dict[str, np.ndarray],
        timeout: float,
    ) -> dict[str, np.ndarray]:
        """One request, one answer."""
        request = self._apis.predict.PredictRequest()
        self._fill(request.model_spec)
        request.model_spec.signature_name = name
        for key, array in arrays.items():
            proto = tf.make_tensor_proto(array, signature.inputs[key].dtype)
            request.inputs[key].CopyFrom(proto)
        response = self._call(self._prediction.Predict, request, timeout)
        return {
            key: tensor_forms.as_output(tf.make_ndarray(proto), key)
            for key, proto in response.outputs.items()
        }

    def metadata(self, timeout: float) -> tensor_forms.Metadata:
        """The signatures of the version that answers now."""
        messages = self._apis.metadata
        request = messages.GetModelMetadataRequest(
            metadata_field=["signature_def"]
        )
        self._fill(request.model_spec)
        response = self._call(
            self._prediction.GetModelMetadata, request, timeout
        )
        found = messages.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)
        signatures = {
            name: tensor_forms.Signature(
                _specs(signature.inputs),
                _specs(signature.outputs),
                signature.method_name,
            )
            for name, signature in sorted(found.signature_def.items())
            if not tensor_forms.is_internal(name)
        }
        version = response.model_spec.version.value
        return tensor_forms.Metadata(version, signatures)

    def status(self, version: int | None, timeout: float) -> dict[int, dict]:
        """The states of one version, or of all."""
        messages = self._apis.status
        request = messages.GetModelStatusRequest()
        request.model_spec.name = self._model
        if version is not None:
            request.model_spec.version.value = version
        response = self._call(self._models.GetModelStatus, request, timeout)
        codes = {
            code.value[0]: code.name for code in self._apis.grpc.StatusCode
        }
        return {
            found.version: {
                "state": messages.ModelVersionStatus.State.Name(found.state),
                "error_code": codes[found.status.error_code],
                "error_message": found.status.error_message,
            }
            for found in response.model_version_status
        }

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def _fill(self, spec: Any) -> None:
        spec.name = self._model
        if self._version is not None:
            spec.version.value = self._version
        if self._label is not None:
            spec.version_label = self._label

    def _call(self, method, request, timeout):
        try:
            return method(request, timeout=timeout, metadata=self._headers)
        except self._apis.grpc.RpcError as error:
            code, details = error.code().name, one_line(error.details() or "")
            if code == "UNAVAILABLE" and _OTHER_PROTOCOL.search(details):
                raise ServingError(
                    "UNIMPLEMENTED",
                    f"{self._host} does not speak gRPC; if it is the REST "
                    f'port, write "http://{self._host}".',
                ) from error
            if code == "UNAVAILABLE" and "connect" in details.lower():
                refused = "Connection refused" in details
                reason = "connection refused" if refused else details
                raise ServingError(
                    code,
                    f"No server answers at {self._host} over gRPC ({reason}); "
                    "see whether it runs, and at which port (by default 8500).",
                ) from error
            if code == "DEADLINE_EXCEEDED":
                details = (
                    f"{self._host} did not answer within {timeout:.2g} s, "
                    "what was left of the timeout."
                )
            raise ServingError(code, details) from error


def _specs(infos):
    return {
        name: tensor_forms.TensorSpec(
            tf.dtypes.as_dtype(info.dtype).name,
            tensor_forms.shape_of(
                [dim.size for dim in info.tensor_shape.dim],
                info.tensor_shape.unknown_rank,
            ),
        )
        for name, info in sorted(infos.items())
    }
