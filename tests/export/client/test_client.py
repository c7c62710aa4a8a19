"""The client against a server, over both protocols."""

import threading
import time
from concurrent import futures

import keras
import numpy as np
import pytest

from keras_transfer.export.client import client as client_module
from keras_transfer.export.client.client import Client
from keras_transfer.export.client.partial_failure import PartialFailure
from keras_transfer.export.client.serving_error import ServingError
from tests.export.client import serving
from tests.export.client import serving_models

PROTOCOLS = ("grpc", "rest")
X = np.arange(15, dtype="float32").reshape(5, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return serving_models.write_numbers(tmp_path_factory.mktemp("numbers"))


@pytest.fixture(scope="module")
def running(folder):
    labels = {"numbers": {"stable": 1}}
    with serving.ModelServer({"numbers": folder}, labels) as server:
        yield server


@pytest.fixture
def server(running):
    running.calls.clear()
    yield running
    running.reset()


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return request.param


@pytest.fixture
def connect(server, protocol):
    """Makes clients of the server, and closes them."""
    made = []

    def make(model="numbers", **options):
        made.append(Client(getattr(server, protocol), model, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


# === Answers


def test_an_array_in_a_dict_of_arrays_out(connect):
    answer = connect().predict(X)
    assert list(answer) == ["y"] and answer["y"].dtype == np.float32
    np.testing.assert_array_equal(answer["y"], 2 * X)


def test_version_and_label_are_asked(connect):
    for client, scale in (
        (connect(version=1), 1),
        (connect(version=2), 2),
        (connect(label="stable"), 1),
    ):
        np.testing.assert_array_equal(client.predict(X)["y"], scale * X)


def test_a_dict_of_inputs(connect, generator):
    a = generator.normal(size=(4, 2)).astype("float32")
    b = np.array([3, -2, 0, 2**31 - 1], dtype="int32")
    answer = connect().predict({"a": a, "b": b}, "pair")
    assert set(answer) == {"sum", "b"}
    np.testing.assert_array_equal(answer["b"], b)
    np.testing.assert_allclose(answer["sum"], a.sum(axis=1) + b, rtol=1e-6)


def test_an_only_input_may_be_named(connect):
    answer = connect(signature="inverse").predict({"x": [2.0, 4.0]})
    np.testing.assert_array_equal(answer["y"], [0.5, 0.25])


@pytest.mark.parametrize(
    ("signature", "x", "expected"),
    [
        ("single", 1.5, 3.0),
        ("fixed", X[:2], 2 * X[:2]),
        ("free", X[0], 2 * X[0]),
        ("free", X, 2 * X),
        ("mean", X, X.mean()),
    ],
)
def test_answers_have_any_shape(connect, signature, x, expected):
    (answer,) = connect().predict(x, signature).values()
    assert answer.shape == np.shape(expected)
    np.testing.assert_array_equal(answer, expected)


def test_numbers_arrive_bit_for_bit(connect, generator):
    kinds = {
        "u8": np.array([0, 255], dtype="uint8"),
        "i64": np.array([-(2**63), 2**63 - 1]),
        "f64": generator.normal(size=2),
        "flag": np.array([True, False]),
    }
    answer = connect().predict(kinds, "kinds")
    for name, expected in kinds.items():
        assert answer[name].dtype == expected.dtype
        np.testing.assert_array_equal(answer[name], expected)
    x = generator.normal(size=(50, 3)).astype("float32") * 1e-30
    np.testing.assert_array_equal(
        connect(version=1).predict(x)["y"].view("int32"), x.view("int32")
    )


def test_what_is_no_number_arrives(connect):
    answer = connect().predict([np.nan, np.inf, -np.inf, 0.0, -0.0], "inverse")
    np.testing.assert_array_equal(
        answer["y"], [np.nan, 0.0, -0.0, np.inf, -np.inf]
    )


def test_numbers_are_cast_within_their_kind(connect):
    x = X.astype("float64") * (1 + 1e-12)
    np.testing.assert_array_equal(connect().predict(x)["y"], 2 * X)
    inputs = {"a": X[:, :2].tolist(), "b": np.arange(5)}
    np.testing.assert_array_equal(
        connect().predict(inputs, "pair")["b"], np.arange(5)
    )


@pytest.mark.parametrize(
    "text", [["a", "é"], ["a", "é".encode()], np.array(["a", "é"])]
)
def test_text_comes_back_as_str(connect, text):
    answer = connect().predict(text, "text")
    assert answer["upper"].tolist() == ["A", "é"]
    assert answer["same_bytes"].tolist() == [b"a", "é".encode()]
    assert answer["upper"].dtype == answer["same_bytes"].dtype == object


@pytest.mark.parametrize(
    "signature, output", [("same", "same"), ("echo", "echo_bytes")]
)
def test_every_byte_survives(connect, signature, output):
    rows = [bytes(range(256)), b'"\\\n', b"\0", b""]
    answer = connect().predict(rows, signature)[output]
    if not output.endswith("_bytes"):
        answer = [text.encode("utf-8", "surrogateescape") for text in answer]
    assert list(answer) == rows


def test_an_exported_keras_model(protocol, tmp_path, generator):
    inputs = keras.Input((6, 6, 1), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    x = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    model = keras.Model(inputs, x)
    model.export(str(tmp_path / "7"), verbose=False)
    images = generator.normal(size=(4, 6, 6, 1)).astype("float32")
    with (
        serving.ModelServer({"net": tmp_path}) as server,
        Client(getattr(server, protocol), "net") as client,
    ):
        assert client.metadata()["version"] == 7
        (answer,) = client.predict(images).values()
    np.testing.assert_allclose(
        answer, model.predict(images, verbose=0), atol=1e-6
    )


def test_headers_are_sent(connect, server):
    connect(headers={"X-Who": "me"}).predict(X)
    headers = {k.lower(): v for k, v in server.calls[0].headers.items()}
    assert headers["x-who"] == "me"


# === Many rows


def test_rows_are_split_and_joined_in_order(connect, server):
    client = connect(max_batch_size=2)
    np.testing.assert_array_equal(client.predict(X)["y"], 2 * X)
    assert [call.rows for call in server.calls] == [2, 2, 1]


def test_without_a_limit_there_is_one_request(connect, server):
    connect().predict(X)
    assert [call.rows for call in server.calls] == [5]


def test_what_has_no_rows_is_not_split(connect, server):
    client = connect(max_batch_size=1)
    client.predict(1.0, "single")
    client.predict(X[:2], "fixed")
    assert len(server.calls) == 2
    with pytest.raises(ValueError, match="`max_batch_size`.*'mean' of shape"):
        client.predict(X, "mean")


def test_good_rows_are_answered_and_bad_ones_named(connect, server):
    x = X.copy()
    x[1, 2] = x[3, 0] = np.nan
    with pytest.raises(PartialFailure) as caught:
        connect().predict(x)
    assert [call.rows for call in server.calls] == [5, *[1] * (5 + 2 + 2)]
    assert set(caught.value.errors) == {1, 3}
    assert "NaN" in caught.value.errors[3]
    assert caught.value.rows.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(
        caught.value.answers["y"], 2 * X[caught.value.rows]
    )
    assert "2 of 5 rows (row 1:" in str(caught.value)


def test_only_the_part_with_the_bad_row_is_sent_again(connect, server):
    x = X.copy()
    x[4] = np.nan
    with pytest.raises(PartialFailure) as caught:
        connect(max_batch_size=2).predict(x)
    assert [call.rows for call in server.calls] == [2, 2, 1, 1, 1]
    assert set(caught.value.errors) == {4}


@pytest.mark.parametrize("rows", [1, 3])
def test_all_rows_refused(connect, rows):
    with pytest.raises(ServingError, match="NaN") as caught:
        connect().predict(np.full((rows, 3), np.nan))
    assert caught.value.code == "INVALID_ARGUMENT"
    assert not isinstance(caught.value, PartialFailure)
    assert "'numbers'" in str(caught.value)


# === Time


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_busy_server_is_asked_again(connect, server, code):
    server.fail(code, times=2)
    np.testing.assert_array_equal(connect().predict(X)["y"], 2 * X)
    assert len(server.calls) == 3


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_server_that_stays_busy(connect, server, code):
    server.fail(code, times=1000)
    start = time.monotonic()
    with pytest.raises(ServingError, match="given up at try [3-9]") as caught:
        connect(timeout=0.6).predict(X)
    assert caught.value.code == code and "injected" in str(caught.value)
    assert 0.1 < time.monotonic() - start < 2
    assert len(server.calls) < 10


def test_other_errors_are_not_tried_again(connect, server):
    server.fail("INTERNAL", times=1)
    with pytest.raises(ServingError, match="answered INTERNAL: injected"):
        connect().predict(X)
    assert len(server.calls) == 1


def test_a_slow_server(connect, server):
    client = connect(timeout=0.3)
    client.predict(X)
    server.delay = 1.5
    start = time.monotonic()
    with pytest.raises(ServingError, match="did not answer") as caught:
        client.predict(X)
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - start < 1.3
    np.testing.assert_array_equal(client.predict(X, timeout=5)["y"], 2 * X)


def test_the_timeout_is_that_of_all_parts_together(connect, server):
    client = connect(max_batch_size=1)
    client.predict(X)
    server.delay = 0.2
    with pytest.raises(ServingError) as caught:
        client.predict(X, timeout=0.5)
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert len(server.calls) <= 5 + 3


def test_one_by_one_is_too_slow(connect, server):
    client = connect()
    client.predict(X)
    server.delay = 0.2
    with pytest.raises(ServingError, match="refused them together: .*NaN"):
        client.predict(np.vstack([X, X * np.nan]), timeout=0.5)


# === Several clients


def _at_once(*calls):
    """Results of the calls, or what they raised."""
    barrier = threading.Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except ServingError as error:
            return error

    with futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def batching(folder):
    settings = serving.Batching(
        max_batch_size=8, timeouts=(1.0, 0.005), allowed_batch_sizes=(4, 8)
    )
    with serving.ModelServer(
        {"numbers": folder}, batching={"numbers": settings}
    ) as server:
        yield server


def _batches(server, signature="serving_default"):
    return server.versions["numbers"][2].batchers[signature].batches


def test_two_clients_in_one_batch_get_their_own_rows(batching, generator):
    first = generator.normal(size=(2, 3)).astype("float32")
    second = generator.normal(size=(3, 3)).astype("float32")
    with (
        Client(batching.grpc, "numbers") as one,
        Client(batching.rest, "numbers") as two,
    ):
        answers = _at_once(
            lambda: one.predict(first), lambda: two.predict(second)
        )
    ((*rows, padded),) = _batches(batching)
    assert sorted(rows) == [2, 3] and padded == 8
    for answer, x in zip(answers, (first, second), strict=True):
        np.testing.assert_array_equal(answer["y"], 2 * x)


def test_a_bad_row_of_another_client_does_no_harm(batching):
    bad = X[:3].copy()
    bad[1] = np.nan
    with (
        Client(batching.grpc, "numbers") as one,
        Client(batching.rest, "numbers") as two,
    ):
        failure, answer = _at_once(
            lambda: one.predict(bad), lambda: two.predict(X)
        )
    assert sorted(_batches(batching)[0]) == [3, 5, 8]
    assert isinstance(failure, PartialFailure) and set(failure.errors) == {1}
    np.testing.assert_array_equal(failure.answers["y"], 2 * X[[0, 2]])
    np.testing.assert_array_equal(answer["y"], 2 * X)


def test_more_rows_than_the_server_s_batch(batching, protocol):
    x = np.arange(57, dtype="float32").reshape(19, 3)
    with Client(getattr(batching, protocol), "numbers") as client:
        np.testing.assert_array_equal(client.predict(x)["y"], 2 * x)
    assert [call.rows for call in batching.calls] == [19, 8, 8, 3]


def test_one_client_in_several_threads(connect):
    client = connect(max_batch_size=3)
    inputs = [X + 100 * number for number in range(6)]
    answers = _at_once(*(lambda x=x: client.predict(x) for x in inputs))
    for x, answer in zip(inputs, answers, strict=True):
        np.testing.assert_array_equal(answer["y"], 2 * x)


# === What the server has


def test_metadata(connect):
    found = connect().metadata()
    assert found["version"] == 2
    assert connect(label="stable").metadata()["version"] == 1
    assert list(found["signatures"]) == sorted(found["signatures"])
    assert found["signatures"]["pair"] == {
        "method_name": "tensorflow/serving/predict",
        "inputs": {
            "a": {"dtype": "float32", "shape": (None, 2)},
            "b": {"dtype": "int32", "shape": (None,)},
        },
        "outputs": {
            "b": {"dtype": "int32", "shape": (None,)},
            "sum": {"dtype": "float32", "shape": (None,)},
        },
    }
    shapes = {
        name: signature["inputs"]["x"]["shape"]
        for name, signature in found["signatures"].items()
        if name in ("free", "single", "fixed")
    }
    assert shapes == {"free": None, "single": (), "fixed": (2, 3)}


def test_status(connect, server):
    fine = {"state": "AVAILABLE", "error_code": "OK", "error_message": ""}
    assert connect().status() == {1: fine, 2: fine}
    assert connect(version=2).status() == {2: fine}
    assert connect(label="stable").status() == {1: fine}
    server.set_state("numbers", 2, "END", "NOT_FOUND", "no such file")
    assert connect().status()[2] == {
        "state": "END",
        "error_code": "NOT_FOUND",
        "error_message": "no such file",
    }


def test_availability_is_the_state(connect, server):
    assert connect().is_available()
    for state in ("START", "LOADING", "UNLOADING", "END"):
        server.set_state("numbers", 1, state)
        assert connect().is_available()
        assert connect(version=2).is_available()
        assert not connect(version=1).is_available()
        assert not connect(label="stable").is_available()
    server.set_state("numbers", 2, "END")
    assert not connect().is_available()
    assert not connect(label="other").is_available()
    assert not connect(model="other").is_available()


def test_availability_is_asked_once(protocol):
    start = time.monotonic()
    host = {"grpc": "127.0.0.1:9", "rest": "http://127.0.0.1:9"}[protocol]
    with Client(host, "numbers") as client:
        assert not client.is_available()
    assert time.monotonic() - start < 3


def test_a_version_with_other_signatures_is_noticed(protocol, tmp_path):
    folder = serving_models.write_numbers(tmp_path, scales=(1,))
    serving_models.write_counts(folder, 2)
    with serving.ModelServer({"moving": folder}) as server:
        server.set_state("moving", 2, "LOADING")
        with Client(getattr(server, protocol), "moving") as client:
            client.predict(X)
            server.set_state("moving", 2, "AVAILABLE")
            with pytest.raises(ValueError, match="'count'|int32"):
                client.predict(X)
            answer = client.predict({"count": [1, 2]})
            np.testing.assert_array_equal(answer["double"], [2, 4])
            server.set_state("moving", 2, "END")
            np.testing.assert_array_equal(client.predict(X)["y"], X)


# === Errors


def test_an_unknown_model(connect):
    for ask in (Client.status, Client.metadata, lambda c: c.predict(X)):
        with pytest.raises(ServingError, match="no model 'nobody'") as caught:
            ask(connect(model="nobody"))
        assert caught.value.code == "NOT_FOUND"


def test_an_unknown_version(connect, server):
    server.set_state("numbers", 1, "LOADING")
    for ask in (Client.status, Client.metadata, lambda c: c.predict(X)):
        with pytest.raises(ServingError, match="no available version 7; it"):
            ask(connect(version=7))
    with pytest.raises(ServingError) as caught:
        connect(version=1).predict(X)
    assert "has 1 (LOADING), 2 (AVAILABLE)" in str(caught.value)
    assert caught.value.code == "NOT_FOUND"


def test_an_unknown_label(connect):
    for ask in (Client.status, Client.metadata, lambda c: c.predict(X)):
        with pytest.raises(ServingError, match="has no label 'canary'"):
            ask(connect(label="canary"))


def test_an_unknown_signature(connect, server):
    with pytest.raises(ValueError, match="Did you mean 'inverse'"):
        connect().predict(X, "inverted")
    assert not server.calls


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        (None, {"z": X}, "`inputs`. Expected the inputs 'x'. .*'z'"),
        ("pair", {"a": X[:, :2]}, "Expected the inputs 'a', 'b'"),
        ("pair", X, "a dict with the keys 'a', 'b'"),
        (None, X[0], r"`x`. Expected the shape \(None, 3\). .*send x\[None\]"),
        (None, X.astype(int), "Expected an array of float32"),
        (None, [["a", "b", "c"]], "Expected an array of float32"),
        ("text", X[:, 0], "Expected an array of str or bytes"),
        ("pair", {"a": X[:1, :2], "b": [2**31]}, "in the range of int32"),
    ],
)
def test_wrong_inputs_are_not_sent(connect, server, signature, inputs, message):
    with pytest.raises(ValueError, match=message):
        connect().predict(inputs, signature)
    assert not server.calls


def test_nobody_answers(protocol):
    host = {"grpc": "127.0.0.1:9", "rest": "http://127.0.0.1:9"}[protocol]
    with Client(host, "numbers", timeout=0.3) as client:
        for ask in (client.status, client.metadata, lambda: client.predict(X)):
            with pytest.raises(ServingError) as caught:
                ask()
            assert caught.value.code == "UNAVAILABLE"
            assert f"No server answers at {host}" in str(caught.value)
            assert "connection refused" in str(caught.value)


def test_a_wrong_input_is_named_though_the_server_is_gone(folder, protocol):
    with serving.ModelServer({"numbers": folder}) as server:
        client = Client(getattr(server, protocol), "numbers")
        client.predict(X)
    start = time.monotonic()
    with client, pytest.raises(ValueError, match="the inputs 'x'"):
        client.predict({"z": X})
    assert time.monotonic() - start < 3


def test_a_server_that_comes_back(folder, protocol):
    """Stopped and started again at its port while the client waits."""
    with serving.ModelServer({"numbers": folder}) as server:
        client = Client(getattr(server, protocol), "numbers")
        client.predict(X)
        ports = server.ports
    with client, futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.predict, X)
        time.sleep(0.3)
        assert not answer.done()
        with serving.ModelServer({"numbers": folder}, ports=ports):
            np.testing.assert_array_equal(answer.result()["y"], 2 * X)


# === Arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": 8500}, "`host`"),
        ({"host": "127.0.0.1"}, "`host`.*host:port"),
        ({"host": "ftp://127.0.0.1:1"}, "`host`"),
        ({"host": "http://127.0.0.1:1", "protocol": "grpc"}, "`host`"),
        ({"protocol": "http"}, "`protocol`"),
        ({"model": ""}, "`model`"),
        ({"version": 1, "label": "stable"}, "`label`.*version=1"),
        ({"version": "1"}, "`version`"),
        ({"version": True}, "`version`"),
        ({"label": ""}, "`label`"),
        ({"timeout": 0}, "`timeout`"),
        ({"timeout": float("nan")}, "`timeout`"),
        ({"timeout": None}, "`timeout`"),
        ({"max_batch_size": 0}, "`max_batch_size`"),
        ({"protocol": "rest", "credentials": object()}, "`credentials`"),
    ],
)
def test_arguments_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Client(**{"host": "127.0.0.1:9", "model": "numbers", **options})


def test_the_timeout_of_a_call_is_checked(connect):
    with pytest.raises(ValueError, match="`timeout`"):
        connect().predict(X, timeout=-1)


@pytest.mark.parametrize(
    ("host", "protocol", "expected"),
    [
        ("127.0.0.1:8500", "auto", ("127.0.0.1:8500", "grpc")),
        ("[::1]:8500", "grpc", ("[::1]:8500", "grpc")),
        ("http://a:1/", "auto", ("http://a:1", "rest")),
        ("https://a/b", "rest", ("https://a/b", "rest")),
        ("a:8501", "rest", ("http://a:8501", "rest")),
    ],
)
def test_the_host_tells_the_protocol(host, protocol, expected):
    assert client_module._address(host, protocol) == expected
