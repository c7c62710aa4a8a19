"""What is REST's own: JSON, HTTP, and who else may answer there."""

import contextlib
import http.server
import json
import threading

import numpy as np
import pytest
import requests
import tensorflow as tf

from keras_transfer.export.client import over_rest
from keras_transfer.export.client.client import Client
from keras_transfer.export.client.serving_error import ServingError
from tests.export.client import serving
from tests.export.client import serving_models


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    serving_models.write_numbers(folder, scales=(2,))
    with serving.ModelServer({"numbers": folder}) as server:
        yield server


def _post(server, **body):
    response = requests.post(
        f"{server.rest}/v1/models/numbers:predict",
        data=json.dumps(body),
        timeout=5,
    )
    return response.status_code, response.json()


# === JSON


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "int64", "uint8", "bool"]
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 1, 3)])
def test_numbers_survive_json(generator, dtype, shape):
    x = np.asarray(generator.normal(size=shape) * 50).astype(dtype)
    text = json.dumps(over_rest.as_json(x, "x"))
    back = over_rest.from_json(json.loads(text), "x", dtype)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, x)


def test_bfloat16_is_written():
    x = np.array([1.5, -2.0], tf.bfloat16.as_numpy_dtype)
    assert json.dumps(over_rest.as_json(x, "x")) == "[1.5, -2.0]"
    back = over_rest.from_json([1.5, -2.0], "x", "bfloat16")
    assert back.dtype == x.dtype and (back == x).all()


def test_bytes_are_base64():
    x = np.array([[b"a\0"], [b""]], dtype=object)
    assert over_rest.as_json(x, "x") == [[{"b64": "YQA="}], [{"b64": ""}]]
    assert over_rest.as_json(x[0, 0:1].reshape(()), "x") == {"b64": "YQA="}


def test_outputs_that_end_in_bytes_are_decoded():
    value = [[{"b64": "YQA="}], [{"b64": ""}]]
    assert over_rest.from_json(value, "x_bytes", "string").tolist() == [
        [b"a\0"],
        [b""],
    ]
    assert over_rest.from_json({"b64": "YQ=="}, "_bytes", "string") == b"a"
    assert over_rest.from_json(["a"], "names", "string").tolist() == ["a"]
    assert over_rest.from_json([1], "_bytes", "int32").tolist() == [1]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_nothing_has_no_shape_in_json(shape):
    with pytest.raises(ValueError, match="`x`.*at least one value"):
        over_rest.as_json(np.zeros(shape), "x")


def test_no_rows_are_refused_before_they_are_sent(server):
    server.calls.clear()
    with (
        Client(server.rest, "numbers") as client,
        pytest.raises(ValueError, match="at least one value"),
    ):
        client.predict(np.zeros((0, 3), "float32"))
    assert not server.calls


def test_half_precision_does_not_go_in(server):
    with (
        Client(server.rest, "numbers") as client,
        pytest.raises(ServingError, match="float16") as caught,
    ):
        client.predict([1.5], "half")
    assert caught.value.code == "UNIMPLEMENTED"


# === The two formats, which the test server has as the real one has them


def test_an_only_output_has_no_name(server):
    x = [[1.0, 2.0, 3.0]]
    expected = [[2.0, 4.0, 6.0]]
    assert _post(server, inputs=x) == (200, {"outputs": expected})
    assert _post(server, inputs={"x": x}) == (200, {"outputs": expected})
    assert _post(server, instances=x) == (200, {"predictions": expected})
    rows = [{"x": x[0]}]
    assert _post(server, instances=rows) == (200, {"predictions": expected})


def test_several_outputs_have_names(server):
    inputs = {"a": [[1.0, 2.0], [3.0, 4.0]], "b": [5, 6]}
    outputs = {"b": [5, 6], "sum": [8.0, 13.0]}
    assert _post(server, signature_name="pair", inputs=inputs) == (
        200,
        {"outputs": outputs},
    )
    rows = [{"a": [1.0, 2.0], "b": 5}, {"a": [3.0, 4.0], "b": 6}]
    assert _post(server, signature_name="pair", instances=rows) == (
        200,
        {"predictions": [{"b": 5, "sum": 8.0}, {"b": 6, "sum": 13.0}]},
    )


def test_bytes_in_both_formats(server):
    rows = [{"b64": "YQ=="}, {"b64": "Yg=="}]
    for key, answer in (("inputs", "outputs"), ("instances", "predictions")):
        assert _post(server, signature_name="echo", **{key: rows}) == (
            200,
            {answer: rows},
        )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"inputs": {"z": [1.0]}}, 400, "Missing named input: x"),
        ({"inputs": [["a"]]}, 400, "not of expected type: float"),
        ({"inputs": [[1.0], [1.0, 2.0]]}, 400, "unexpected size"),
        ({"signature_name": "no", "inputs": 1}, 400, "not found in signature"),
        ({}, 400, "Missing 'inputs' or 'instances' key"),
    ],
)
def test_the_test_server_refuses_as_the_real_one(server, body, code, message):
    status, answer = _post(server, **body)
    assert status == code and message in answer["error"]


# === HTTP


@contextlib.contextmanager
def _answering(*answers):
    """A server of (code, text) answers, the last for good.

    Gives its URL and the paths that were asked.
    """
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, text = answers[min(len(paths), len(answers) - 1)]
            paths.append(self.path)
            if code is None:
                return  # Hangs up.
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

    web = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=web.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}", paths
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


METADATA = json.dumps(
    {
        "model_spec": {"name": "m", "signature_name": "", "version": "3"},
        "metadata": {
            "signature_def": {
                "signature_def": {
                    "__saved_model_init_op": {
                        "inputs": {},
                        "outputs": {
                            "__saved_model_init_op": {
                                "dtype": "DT_INVALID",
                                "tensor_shape": {
                                    "dim": [],
                                    "unknown_rank": True,
                                },
                                "name": "NoOp",
                            }
                        },
                        "method_name": "",
                    },
                    "serving_default": {
                        "inputs": {
                            "x": {
                                "dtype": "DT_FLOAT",
                                "tensor_shape": {
                                    "dim": [{"size": "-1", "name": ""}],
                                    "unknown_rank": False,
                                },
                                "name": "x:0",
                            }
                        },
                        "outputs": {
                            "y": {
                                "dtype": "DT_FLOAT",
                                "tensor_shape": {
                                    "dim": [],
                                    "unknown_rank": True,
                                },
                                "name": "y:0",
                            }
                        },
                        "method_name": "tensorflow/serving/predict",
                    },
                }
            }
        },
    }
)


def test_paths():
    answers = (200, METADATA), (200, '{"outputs": [2.0]}')
    for options, path in (
        ({}, "/v1/models/m%20n"),
        ({"version": 3}, "/v1/models/m%20n/versions/3"),
        ({"label": "a/b"}, "/v1/models/m%20n/labels/a%2Fb"),
    ):
        with (
            _answering(*answers) as (url, paths),
            Client(f"{url}/prefix/", "m n", **options) as client,
        ):
            answer = client.predict([1.0])
        assert answer["y"].tolist() == [2.0] and answer["y"].dtype == "float32"
        assert paths == [
            f"/prefix{path}/metadata",
            f"/prefix{path}:predict",
        ]


def test_metadata_of_the_real_server_s_form():
    with _answering((200, METADATA)) as (url, _), Client(url, "m") as client:
        assert client.metadata() == {
            "version": 3,
            "signatures": {
                "serving_default": {
                    "method_name": "tensorflow/serving/predict",
                    "inputs": {"x": {"dtype": "float32", "shape": (None,)}},
                    "outputs": {"y": {"dtype": "float32", "shape": None}},
                }
            },
        }


@pytest.mark.parametrize(
    "text", ["<html>Hello</html>", "[]", "{}", '{"model_spec": {}}', "\xff"]
)
def test_another_server_answers(text):
    with _answering((200, text)) as (url, _), Client(url, "m") as client:
        for ask in (client.status, client.metadata):
            with pytest.raises(ServingError, match="not answer as TF Serving"):
                ask()
        assert not client.is_available()


@pytest.mark.parametrize(
    "text",
    [
        '{"predictions": [1.0]}',
        '{"outputs": {"z": [1.0]}}',
        '{"outputs": ["a"]}',
        '{"outputs": [[1.0], [1.0, 2.0]]}',
    ],
)
def test_answers_of_other_outputs(text):
    answers = (200, METADATA), (200, text), (200, METADATA)
    with (
        _answering(*answers) as (url, _),
        Client(url, "m") as client,
        pytest.raises(ServingError, match="are not those of") as caught,
    ):
        client.predict([1.0])
    assert caught.value.code == "INTERNAL"


@pytest.mark.parametrize("code", [429, 502, 503])
@pytest.mark.parametrize("text", ['{"error": "busy"}', "<html>busy</html>", ""])
def test_http_codes_that_pass(code, text):
    answers = (code, text), (200, METADATA)
    with _answering(*answers) as (url, paths), Client(url, "m") as client:
        assert client.metadata()["version"] == 3
    assert len(paths) == 2


def test_a_connection_that_is_hung_up():
    answers = (None, ""), (200, METADATA)
    with _answering(*answers) as (url, paths), Client(url, "m") as client:
        assert client.metadata()["version"] == 3
    assert len(paths) == 2


@pytest.mark.parametrize(
    ("code", "text", "expected", "message"),
    [
        (400, '{"error": "a\\n b"}', "INVALID_ARGUMENT", "a b"),
        (403, "<html>no</html>", "PERMISSION_DENIED", "Forbidden: <html>no"),
        (404, "", "NOT_FOUND", "no model 'm'"),
        (500, '{"error": "broken"}', "INTERNAL", "broken"),
        (418, '["odd"]', "UNKNOWN", "odd"),
    ],
)
def test_http_codes_that_stay(code, text, expected, message):
    with (
        _answering((code, text)) as (url, _),
        Client(url, "m") as client,
        pytest.raises(ServingError) as caught,
    ):
        client.metadata()
    assert caught.value.code == expected and message in str(caught.value)


def test_the_grpc_port_is_recognized(server):
    with (
        Client(f"http://{server.grpc}", "numbers") as client,
        pytest.raises(ServingError, match="leave out http://"),
    ):
        client.predict([1.0])


def test_a_url_that_is_none():
    with (
        Client("http://", "numbers") as client,
        pytest.raises(ServingError) as caught,
    ):
        client.predict([1.0])
    assert caught.value.code == "UNKNOWN"
