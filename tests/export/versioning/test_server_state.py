"""A version counts as there when its state says so, never before."""

import time

import pytest

from keras_transfer.export.versioning import server_state
from keras_transfer.export.versioning.server_state import State
from tests.export.versioning.status_server import listening

AVAILABLE = ("AVAILABLE", "")
UNKNOWN = State(None, "")


def _answers(*states):
    """Answers with one state after the other, then with the last."""
    left = list(states)

    def answer(path):
        assert path == "/v1/models/my%20model/versions/2"
        state = left.pop(0) if len(left) > 1 else left[0]
        if state is None:
            return 404, {"error": "Could not find any versions"}
        name, failure = state
        code = "INTERNAL" if failure else "OK"
        status = {"error_code": code, "error_message": failure}
        found = {"version": "2", "state": name, "status": status}
        return 200, {"model_version_status": [found]}

    return answer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(server_state, "_SECONDS_BETWEEN", 0.01)


def _wait(states, before=UNKNOWN, timeout=5.0):
    with listening(_answers(*states)) as server:
        return server_state.wait_until_available(
            server, "my model", 2, before, timeout
        )


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, UNKNOWN),
        (AVAILABLE, State("AVAILABLE", "")),
        (("END", "no such op"), State("END", "no such op")),
    ],
)
def test_one_question(answer, state):
    with listening(_answers(answer)) as server:
        assert server_state.read(server, "my model", 2) == state
        url = f"http://{server}/"
        assert server_state.read(url, "my model", 2) == state


@pytest.mark.parametrize(
    ("status", "contents"),
    [
        (200, b"<html>"),
        (200, {"status": "ok"}),
        (200, []),
        (200, {"model_version_status": []}),
        (404, b"not found"),
        (500, {"error": "x"}),
    ],
)
def test_what_is_no_tf_serving_is_told(status, contents):
    with (
        listening(lambda path: (status, contents)) as server,
        pytest.raises(ConnectionError, match=f"No TF Serving.*{server}.*8501"),
    ):
        server_state.read(server, "my model", 2)


def test_nobody_there_and_no_address():
    with pytest.raises(ConnectionError, match="No TF Serving answers"):
        server_state.read("127.0.0.1:9", "my model", 2)
    with pytest.raises(ValueError, match="`server`.*'host:8501'"):
        server_state.read("gs://bucket", "my model", 2)


def test_waiting_passes_all_states_before():
    _wait([None, ("START", ""), ("LOADING", ""), AVAILABLE])


def test_a_version_that_was_unloaded_or_failed_before_is_waited_for():
    _wait([("END", ""), ("LOADING", ""), AVAILABLE], State("END", ""))
    _wait([("END", "old"), ("LOADING", ""), AVAILABLE], State("END", "old"))


@pytest.mark.parametrize(
    ("before", "states"),
    [
        (UNKNOWN, [None, ("END", "no such op")]),
        (State("END", ""), [("END", ""), ("END", "no such op")]),
        (
            State("END", "no such op"),
            [("END", "no such op"), ("LOADING", ""), ("END", "no such op")],
        ),
    ],
)
def test_a_failure_is_told_at_once(before, states):
    begin = time.monotonic()
    with pytest.raises(ValueError, match="`number`.*It says: no such op"):
        _wait(states, before, timeout=30.0)
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([None], "unknown to the server"),
        ([("LOADING", "")], "LOADING"),
        ([("END", "")], "END"),
    ],
)
def test_the_wait_ends(states, said):
    with pytest.raises(TimeoutError, match=f"after 0.05 seconds: {said}"):
        _wait(states, State("END", "") if said == "END" else None, 0.05)


def test_a_server_that_starts_again_is_waited_for():
    answers = _answers(("LOADING", ""), AVAILABLE)
    calls = []

    def answer(path):
        calls.append(path)
        return (500, b"") if len(calls) == 1 else answers(path)

    with listening(answer) as server:
        server_state.wait_until_available(server, "my model", 2, None, 5.0)
    assert len(calls) == 3
