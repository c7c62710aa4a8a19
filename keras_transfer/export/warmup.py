"""Requests that a server replays before it takes others."""

import importlib.util
import pathlib

import tensorflow as tf
from google.protobuf.message import DecodeError

from keras_transfer.export.check import Check
from keras_transfer.export.signatures import METHODS

FILE = "assets.extra/tf_serving_warmup_requests"
TITLE = "warmup"
#: A version with more does not load.
MAX_RECORDS = 1000
#: Of the records of a file, that of `PredictRequest`s.
_PREDICT = "predict_log"


def write(folder, inputs):
    """Writes one warmup request for each signature of the predict API.

    A bad record keeps a version from loading, so that the rows are those that
    the export is tried out with before it is published.

    Args:
        folder: The version.
        inputs: Dict from signature to a dict of arrays.

    Returns:
        List of one `Check`.
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        text = 'no records; for these pip install "keras-transfer[serving]"'
        return [Check(TITLE, "skip", text)]
    records = [
        _record(name, rows).SerializeToString()
        for name, rows in inputs.items()
        if name not in METHODS
    ]
    if not records:
        text = "no records: there is no signature of the predict API"
        return [Check(TITLE, "skip", text)]
    path = pathlib.Path(folder, FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return [Check(TITLE, "pass", f"{len(records)} requests")]


def read(folder):
    """The requests of a version.

    Returns:
        List of `(signature, dict of arrays)`, or `None` without a file.
        Records of the older APIs are left out.

    Raises:
        ImportError: Without the `serving` extra.
        ValueError: If the file is none of such records, or has too many.
    """
    path = pathlib.Path(folder, FILE)
    if not path.exists():
        return None
    from tensorflow_serving.apis import prediction_log_pb2

    records = _records(path)
    if len(records) > MAX_RECORDS:
        raise ValueError(f"more than {MAX_RECORDS} records")
    try:
        logs = [prediction_log_pb2.PredictionLog.FromString(r) for r in records]
    except DecodeError as error:
        raise ValueError("a record is no PredictionLog") from error
    kinds = {log.WhichOneof("log_type") for log in logs}
    if None in kinds:
        raise ValueError("a record is an empty PredictionLog")
    return [
        (
            log.predict_log.request.model_spec.signature_name
            or "serving_default",
            _arrays(log.predict_log.request),
        )
        for log in logs
        if log.WhichOneof("log_type") == _PREDICT
    ]


def _records(path):
    """The first records of a file, one more than there may be."""
    dataset = tf.data.TFRecordDataset(str(path)).take(MAX_RECORDS + 1)
    try:
        return list(dataset.as_numpy_iterator())
    except tf.errors.OpError as error:
        raise ValueError(f"no TFRecord file: {error.message}") from error


def _arrays(request):
    return {key: tf.make_ndarray(x) for key, x in request.inputs.items()}


def _record(name, rows):
    from tensorflow_serving.apis import predict_pb2
    from tensorflow_serving.apis import prediction_log_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = name
    for key, array in rows.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(array))
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
