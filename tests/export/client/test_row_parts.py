"""Requests in parts, without a server."""

import numpy as np
import pytest

from keras_transfer.export.client import row_parts
from keras_transfer.export.client.partial_failure import PartialFailure
from keras_transfer.export.client.serving_error import ServingError
from keras_transfer.export.client.tensor_forms import Signature
from keras_transfer.export.client.tensor_forms import TensorSpec

X = np.arange(7)


class Server:
    """Doubles rows; refuses requests that hold one of the bad rows.

    Args:
        bad: Dict from a row to how often it is refused.
        code: What it answers then.
        limit: Rows that it takes at most.
    """

    def __init__(self, bad=(), code="INVALID_ARGUMENT", limit=100):
        self.bad = dict(bad)
        self.code = code
        self.limit = limit
        self.asked = []
        self.pauses = []

    def ask(self, arrays):
        rows = arrays["x"].tolist()
        self.asked.append(rows)
        if len(rows) > self.limit:
            raise ServingError(
                "INVALID_ARGUMENT",
                f"Task size {len(rows)} is larger than maximum input batch "
                f"size {self.limit}",
            )
        found = [row for row in rows if self.bad.get(row)]
        for row in found:
            self.bad[row] -= 1
        if found:
            raise ServingError(self.code, f"bad {found[0]}")
        return {"y": 2 * arrays["x"]}

    def pause(self, seconds):
        self.pauses.append(seconds)
        return True

    def run(self, size=7, pause=None):
        return row_parts.ask_in_parts(
            self.ask, {"x": X}, len(X), size, pause or self.pause
        )


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8])
def test_parts_are_joined_in_order(size):
    server = Server()
    np.testing.assert_array_equal(server.run(size)["y"], 2 * X)
    assert sum(server.asked, []) == X.tolist()
    assert len(server.asked) == -(-7 // size)
    assert not server.pauses


def test_the_limit_in_the_refusal_is_kept_to():
    server = Server(limit=3)
    np.testing.assert_array_equal(server.run()["y"], 2 * X)
    assert [len(rows) for rows in server.asked] == [7, 3, 3, 1]


def test_a_limit_that_cannot_be_true_ends_in_single_rows():
    def ask(arrays):
        if len(arrays["x"]) > 1:
            text = "larger than maximum input batch size 1000"
            raise ServingError("INVALID_ARGUMENT", text)
        return {"y": 2 * arrays["x"]}

    answer = row_parts.ask_in_parts(ask, {"x": X}, 7, 7, Server().pause)
    np.testing.assert_array_equal(answer["y"], 2 * X)


def test_bad_rows_are_asked_three_times_alone():
    server = Server({2: 99, 5: 99})
    with pytest.raises(PartialFailure) as caught:
        server.run(size=4)
    assert server.asked == [
        *[[0, 1, 2, 3], [0], [1], [2], [3]],
        *[[4, 5, 6], [4], [5], [6]],
        *[[2], [5]] * 2,
    ]
    assert server.pauses == list(row_parts.PAUSES)
    assert caught.value.errors == {2: "bad 2", 5: "bad 5"}
    assert caught.value.rows.tolist() == [0, 1, 3, 4, 6]
    np.testing.assert_array_equal(
        caught.value.answers["y"], 2 * caught.value.rows
    )


@pytest.mark.parametrize("times", [2, 3])
def test_rows_that_others_spoilt_are_answered_later(times):
    server = Server({1: times, 6: 2})
    np.testing.assert_array_equal(server.run()["y"], 2 * X)
    assert server.asked[-1] == [1] if times == 3 else [6]


def test_without_time_for_another_try_the_answers_are_kept():
    with pytest.raises(PartialFailure) as caught:
        Server({2: 2}).run(pause=lambda seconds: False)
    assert set(caught.value.errors) == {2}


def test_an_error_at_another_try_does_not_lose_the_answers():
    server = Server({2: 99})

    def pause(seconds):
        server.code = "UNAVAILABLE"
        return True

    with pytest.raises(PartialFailure) as caught:
        server.run(pause=pause)
    assert caught.value.errors == {2: "bad 2"}


def test_all_rows_refused():
    with pytest.raises(ServingError, match="each of the 7 rows .* bad 0") as e:
        Server(dict.fromkeys(range(7), 99)).run()
    assert not isinstance(e.value, PartialFailure)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "FAILED_PRECONDITION"])
def test_other_errors_end_it(code):
    server = Server({5: 1}, code=code)
    with pytest.raises(ServingError, match="^bad 5$") as caught:
        server.run(size=4)
    assert caught.value.code == code and len(server.asked) == 2


def test_an_error_among_single_rows_says_why_they_were_single():
    def ask(arrays):
        code = "INVALID_ARGUMENT" if len(arrays["x"]) > 1 else "INTERNAL"
        raise ServingError(code, code.lower())

    with pytest.raises(ServingError, match="internal .*invalid_arg") as caught:
        row_parts.ask_in_parts(ask, {"x": X}, 7, 7, Server().pause)
    assert caught.value.code == "INTERNAL"


def test_an_output_without_rows_is_not_joined():
    def ask(arrays):
        return {"y": arrays["x"].sum()}

    whole = row_parts.ask_in_parts(ask, {"x": X}, 7, 7, None)
    assert whole["y"] == X.sum()
    with pytest.raises(ValueError, match="`max_batch_size`.*'y'"):
        row_parts.ask_in_parts(ask, {"x": X}, 7, 4, None)

    def refuse(arrays):
        if len(arrays["x"]) > 1:
            raise ServingError("INVALID_ARGUMENT", "bad")
        return ask(arrays)

    with pytest.raises(ServingError, match="^bad$"):
        row_parts.ask_in_parts(refuse, {"x": X}, 7, 7, None)


@pytest.mark.parametrize(
    ("specs", "shapes", "expected"),
    [
        ([(None, 3)], [(4, 3)], 4),
        ([(None, 3), (None,)], [(4, 3), (4,)], 4),
        ([(None, 3), (None,)], [(4, 3), (5,)], None),
        ([None], [(4, 3)], 4),
        ([None], [()], None),
        ([()], [()], None),
        ([(2, 3)], [(2, 3)], None),
        ([(None,), ()], [(4,), ()], None),
        ([(None,)], [(0,)], 0),
        ([], [], None),
    ],
)
def test_what_has_rows(specs, shapes, expected):
    inputs = {str(n): TensorSpec("float32", s) for n, s in enumerate(specs)}
    arrays = {str(n): np.zeros(s) for n, s in enumerate(shapes)}
    signature = Signature(inputs, {}, "")
    assert row_parts.number_of_rows(arrays, signature) == expected
