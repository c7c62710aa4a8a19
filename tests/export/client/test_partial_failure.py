"""Answers are not lost with the rows that are refused."""

import pickle

import numpy as np

from keras_transfer.export.client.partial_failure import PartialFailure
from keras_transfer.export.client.serving_error import ServingError


def _failure(bad=(1,), rows=4):
    good = [row for row in range(rows) if row not in bad]
    answers = {"y": np.array(good) * 10}
    return PartialFailure(answers, good, {row: f"bad {row}" for row in bad})


def test_it_holds_the_answers_with_their_rows():
    failure = _failure()
    assert isinstance(failure, ServingError)
    assert failure.code == "INVALID_ARGUMENT"
    assert failure.rows.tolist() == [0, 2, 3]
    assert failure.rows.dtype == np.int64
    np.testing.assert_array_equal(failure.answers["y"], 10 * failure.rows)
    assert failure.errors == {1: "bad 1"}


def test_the_message_names_rows():
    assert "refused 1 of 4 rows (row 1: bad 1);" in str(_failure())
    message = str(_failure(bad=(5, 3, 0, 1, 8), rows=9))
    assert "5 of 9 rows (row 0: bad 0; row 1: bad 1; row 3: bad 3; " in message
    assert "row 3: bad 3; and 2 more)" in message
    assert "more" not in str(_failure(bad=(0, 1, 2)))


def test_it_travels_between_processes():
    failure = pickle.loads(pickle.dumps(_failure()))
    assert str(failure) == str(_failure())
    np.testing.assert_array_equal(failure.answers["y"], [0, 20, 30])
