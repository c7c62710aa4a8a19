"""Warmup requests: those that are written, and those that others wrote."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export import warmup

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_serving") is None,
    reason="tensorflow-serving-api is not installed",
)

INPUTS = {
    "predict": {"x": np.arange(6, dtype="float32").reshape(2, 3)},
    "image_bytes": {"image_bytes": np.array([b"a\0", b"b"], dtype=object)},
    "classify": {"inputs": np.array([b"example"], dtype=object)},
}


def _write_records(folder, records):
    path = folder / warmup.FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


@needs_extra
def test_records_are_requests_of_the_predict_api(tmp_path):
    from tensorflow_serving.apis import prediction_log_pb2

    (check,) = warmup.write(tmp_path, INPUTS)
    assert (check.status, check.text) == ("pass", "2 requests")
    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]
    assert 0 < len(logs) <= 1000
    for log, name in zip(logs, ("predict", "image_bytes"), strict=True):
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.signature_name == name
        assert set(request.inputs) == set(INPUTS[name])


@needs_extra
def test_what_is_written_is_read(tmp_path):
    warmup.write(tmp_path, INPUTS)
    requests = dict(warmup.read(tmp_path))
    assert list(requests) == ["predict", "image_bytes"]
    np.testing.assert_array_equal(
        requests["predict"]["x"], INPUTS["predict"]["x"]
    )
    assert requests["predict"]["x"].dtype == np.float32
    assert list(requests["image_bytes"]["image_bytes"]) == [b"a\0", b"b"]


def test_without_a_file_there_is_nothing_to_read(tmp_path):
    assert warmup.read(tmp_path) is None


@needs_extra
def test_no_file_for_the_older_apis_alone(tmp_path):
    (check,) = warmup.write(tmp_path, {"classify": INPUTS["classify"]})
    assert check.status == "skip"
    assert not (tmp_path / warmup.FILE).exists()


def test_without_the_extra_it_is_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (check,) = warmup.write(tmp_path, INPUTS)
    assert check.status == "skip"
    assert "keras-transfer[serving]" in check.text
    assert list(tmp_path.iterdir()) == []


@needs_extra
def test_a_request_without_a_name_is_for_the_default(tmp_path):
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    _write_records(tmp_path, [log.SerializeToString()])
    ((name, rows),) = warmup.read(tmp_path)
    assert (name, rows["x"].tolist()) == ("serving_default", [1.0])


@needs_extra
def test_records_of_the_older_apis_are_left_out(tmp_path):
    from tensorflow_serving.apis import prediction_log_pb2

    log = prediction_log_pb2.PredictionLog()
    log.classify_log.request.model_spec.name = "flowers"
    _write_records(tmp_path, [log.SerializeToString()])
    assert warmup.read(tmp_path) == []


@needs_extra
@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"no records at all", "no TFRecord file"),
        ([b"\xff\xff no message"], "no PredictionLog"),
        ([b""], "an empty PredictionLog"),
        ([b"\x32\x00"] * 1001, "more than 1000 records"),
    ],
)
def test_what_keeps_a_version_from_loading(contents, words, tmp_path):
    if isinstance(contents, bytes):
        (tmp_path / "assets.extra").mkdir()
        (tmp_path / warmup.FILE).write_bytes(contents)
    else:
        _write_records(tmp_path, contents)
    with pytest.raises(ValueError, match=words):
        warmup.read(tmp_path)


@needs_extra
def test_a_thousand_records_are_not_too_many(tmp_path):
    _write_records(tmp_path, [b"\x32\x00"] * 1000)
    assert len(warmup.read(tmp_path)) == 1000
