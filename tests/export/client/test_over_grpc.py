"""What is gRPC's own."""

import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export.client.client import Client
from keras_transfer.export.client.over_grpc import GrpcTransport
from keras_transfer.export.client.serving_error import ServingError
from tests.export.client import serving
from tests.export.client import serving_models


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    serving_models.write_numbers(folder, scales=(1,))
    with serving.ModelServer({"numbers": folder}) as server:
        yield server


@pytest.fixture
def client(server):
    with Client(server.grpc, "numbers") as client:
        yield client


def test_answers_above_grpc_s_own_limit(client):
    x = np.arange(5, dtype="float32")[:, None]
    answer = client.predict(x, "wide")["y"]
    assert answer.nbytes > 4 * 2**20
    np.testing.assert_array_equal(
        answer, np.repeat(x, serving_models.WIDE, axis=1)
    )


def test_half_precision(client):
    answer = client.predict([1.5, np.inf], "half")["y"]
    assert answer.dtype == np.float16
    np.testing.assert_array_equal(answer, [1.5, np.inf])


def test_bfloat16(tmp_path):
    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.bfloat16)])
        def call(self, x):
            return {"y": x + x}

    module = Module()
    tf.saved_model.save(module, str(tmp_path / "1"), module.call)
    with (
        serving.ModelServer({"brain": tmp_path}) as server,
        Client(server.grpc, "brain") as client,
    ):
        answer = client.predict([1.5, -3.0])["y"]
    assert answer.dtype == tf.bfloat16.as_numpy_dtype
    np.testing.assert_array_equal(answer.astype("float32"), [3.0, -6.0])


def test_no_rows_go_out_and_come_back(client):
    answer = client.predict(np.zeros((0, 3)))["y"]
    assert answer.shape == (0, 3) and answer.dtype == np.float32


def test_the_rest_port_is_recognized(server):
    host = server.rest.removeprefix("http://")
    with Client(host, "numbers") as client:
        for ask in (client.status, lambda: client.predict([1.0])):
            with pytest.raises(ServingError, match=f'"http://{host}"'):
                ask()


def test_credentials_make_a_secure_channel(monkeypatch, server):
    made = []

    def secure_channel(*arguments):
        made.append(arguments)
        return serving.grpc.insecure_channel(arguments[0])

    monkeypatch.setattr(serving.grpc, "secure_channel", secure_channel)
    credentials = serving.grpc.ssl_channel_credentials()
    with Client(server.grpc, "numbers", credentials=credentials) as client:
        assert client.is_available()
    ((host, given, options),) = made
    assert host == server.grpc and given is credentials
    assert ("grpc.max_receive_message_length", -1) in options


@pytest.mark.parametrize("missing", ["grpc", "tensorflow_serving.apis"])
def test_missing_packages_are_named(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError) as caught:
        Client("127.0.0.1:8500", "numbers")
    assert 'pip install "keras-transfer[serving]"' in str(caught.value)
    with Client("http://127.0.0.1:8501", "numbers"):
        pass  # REST needs none of them.


def test_the_answer_of_a_request_is_one_message(server):
    """The request is what other clients of the server send, too."""
    transport = GrpcTransport(server.grpc, "numbers", 1, None, {})
    known = transport.metadata(5.0)
    assert known.version == 1
    arrays = {"x": np.ones((2, 3), "float32")}
    signature = known.signatures["serving_default"]
    answer = transport.predict("serving_default", signature, arrays, 5.0)
    np.testing.assert_array_equal(answer["y"], arrays["x"])
    with pytest.raises(ServingError) as caught:
        transport.predict("nothing", signature, arrays, 5.0)
    assert caught.value.code == "FAILED_PRECONDITION"
    transport.close()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "Missing but required: {x}"),
        ({"z": np.ones((1, 3), "float32")}, "alias not found in signature: z"),
        ({"x": np.ones((1, 3))}, "to be float but double is provided"),
        ({"x": np.ones((1, 4), "float32")}, None),
    ],
)
def test_the_test_server_refuses_as_the_real_one(server, arrays, message):
    """Without the checks of the client, which send none of these.

    A wrong shape is answered: neither server looks at it.
    """
    apis = serving.predict_pb2
    request = apis.PredictRequest()
    request.model_spec.name = "numbers"
    for name, array in arrays.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    with serving.grpc.insecure_channel(server.grpc) as channel:
        service = serving.prediction_service_pb2_grpc
        stub = service.PredictionServiceStub(channel)
        if message is None:
            answer = stub.Predict(request, timeout=5).outputs["y"]
            assert tf.make_ndarray(answer).shape == (1, 4)
            return
        with pytest.raises(serving.grpc.RpcError) as caught:
            stub.Predict(request, timeout=5)
    assert caught.value.code().name == "INVALID_ARGUMENT"
    assert message in caught.value.details()


def test_requests_of_unequal_shape_in_one_batch(tmp_path):
    """The real server, too, refuses both."""
    serving_models.write_numbers(tmp_path, scales=(1,))
    settings = serving.Batching(max_batch_size=2, timeouts=(1.0,))
    errors = []
    with serving.ModelServer(
        {"numbers": tmp_path}, batching={"numbers": settings}
    ) as server:

        def ask(width):
            with Client(server.grpc, "numbers") as client:
                try:
                    client.predict(np.ones((1, width), "float32"), "free")
                except ServingError as error:
                    errors.append(error.code)

        threads = [threading.Thread(target=ask, args=(w,)) for w in (2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == ["FAILED_PRECONDITION"] * 2
