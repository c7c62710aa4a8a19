"""The C API hands everything to the graph, and nothing leaks."""

import numpy as np
import pytest

from keras_transfer.export import probes
from keras_transfer.export.probes import c_api

available = probes.is_available("c_api")
pytestmark = pytest.mark.skipif(not available, reason=available.reason)


def _run(folder, *calls):
    return probes.run("c_api", folder, calls)


def test_wrong_shapes_reach_the_graph(folder, call):
    x = np.ones((1, 5), "float32")
    strict, lax = _run(folder, call("strict", {"x": x}), call("lax", {"x": x}))
    assert strict.code == "INVALID_ARGUMENT"
    assert "[1,5]" in strict.message
    # The placeholder's shape is [?, 4]: a server does not look at it either.
    assert lax.outputs["mean"].tolist() == [1.0]


@pytest.mark.parametrize("wrong", ["float64", "int32", "string", "float16"])
def test_wrong_dtypes_are_refused(folder, call, wrong):
    x = np.ones((1, 4), "float32")
    x = [["1"] * 4] if wrong == "string" else x.astype(wrong)
    (answer,) = _run(folder, call("lax", {"x": x}))
    assert answer.code == "INVALID_ARGUMENT"
    assert "to be float but" in answer.message


def test_a_dtype_without_a_type_is_an_answer(folder, call):
    wrong = np.ones((1, 4), "datetime64[s]")
    (answer,) = _run(folder, call("lax", {"x": wrong}))
    assert answer.code == "UNIMPLEMENTED"
    assert "datetime64" in answer.message


def test_empty_and_non_contiguous_arrays(folder, call):
    x = np.arange(8, dtype="float32").reshape(4, 2).T
    empty, transposed, no_word = _run(
        folder,
        call("lax", {"x": x[:0]}),
        call("lax", {"x": x}),
        call("lookup", {"word": np.empty((0,), object)}),
    )
    assert empty.outputs["mean"].shape == (0,)
    assert transposed.outputs["mean"].tolist() == [3.0, 4.0]
    assert no_word.outputs["number"].shape == (0,)


def test_xla_is_off(folder, call):
    x = np.ones((1, 4), "float32")
    (answer,) = _run(folder, call("with_xla", {"x": x}))
    assert "XLA compilation disabled" in answer.message


def test_nothing_is_left_in_memory(folder, call):
    given = {"text": ["x" * 2**20, "y"], "numbers": np.zeros(2**17)}
    once, often = _run(
        folder, call("large", given), call("large", given, repeat=200)
    )
    assert often.outputs["text"].tolist() == [b"y", b"x" * 2**20]
    # A leak of the strings or of the numbers would be 200 MB.
    assert often.peak_bytes - once.peak_bytes < 50 * 2**20


def test_codes_stand_where_they_belong():
    assert c_api.CODES[3] == "INVALID_ARGUMENT"
    assert c_api.CODES[16] == "UNAUTHENTICATED"
    assert c_api.describe(KeyError("a")) == ("KeyError", "'a'")
