"""Requests that must not be answered."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export import bad_inputs
from keras_transfer.export import signatures as all_signatures
from keras_transfer.export.probes import Answer

ROWS = {
    "image": np.ones((3, 4, 4, 1), "float32"),
    "words": np.array([[b"a"], [b"b"], [b"c"]], dtype=object),
    "count": np.ones((3, 2), "int32"),
}


def _signature(name, rows, shapes):
    specs = {
        key: tf.TensorSpec([None, *shapes[key]], _dtype(x))
        for key, x in rows.items()
    }
    return all_signatures.Signature(name, specs, *[None] * 5)


def _dtype(array):
    return (
        tf.string if array.dtype == object else tf.dtypes.as_dtype(array.dtype)
    )


def _by_words(name, rows, shapes):
    signature = _signature(name, rows, shapes)
    requests = bad_inputs.requests({name: signature}, {name: rows})
    assert {of for of, _, _ in requests} == {name}
    return {words: bad for _, bad, words in requests}


def test_each_fault_of_a_number():
    rows = {"image": ROWS["image"]}
    bad = _by_words("predict", rows, {"image": [4, 4, 1]})
    assert bad["an empty batch"]["image"].shape == (0, 4, 4, 1)
    assert bad["a wrong size of image"]["image"].shape == (3, 5, 4, 1)
    assert bad["an axis too many of image"]["image"].ndim == 5
    assert bad["a wrong type of image"]["image"].dtype == np.int64
    broken = bad["a NaN in image"]["image"]
    assert np.isnan(broken[-1]).sum() == np.isnan(broken).sum() == 1
    assert len(bad) == 5
    assert np.isfinite(ROWS["image"]).all()


def test_where_nan_is_a_missing_value_infinity_is_not():
    rows = {"image": ROWS["image"]}
    signature = dataclasses.replace(
        _signature("predict", rows, {"image": [4, 4, 1]}),
        may_be_nan=frozenset({"image"}),
    )
    requests = bad_inputs.requests({"predict": signature}, {"predict": rows})
    words = {words: bad["image"] for _, bad, words in requests}
    assert "a NaN in image" not in words
    assert np.isinf(words["an infinity in image"][-1]).sum() == 1


def test_a_free_axis_has_no_wrong_size():
    rows = {"image": ROWS["image"]}
    bad = _by_words("predict", rows, {"image": [None, None, 1]})
    # The channels alone are fixed.
    assert bad["a wrong size of image"]["image"].shape == (3, 4, 4, 2)
    bad = _by_words("predict", rows, {"image": [None, None, None]})
    assert "a wrong size of image" not in bad


def test_several_inputs_may_differ_in_rows():
    shapes = {"image": [4, 4, 1], "words": [1], "count": [2]}
    bad = _by_words("predict", ROWS, shapes)
    request = bad["rows of words missing"]
    assert [len(request[key]) for key in ROWS] == [3, 2, 3]
    assert bad["a wrong type of count"]["count"].dtype == np.float32


@pytest.mark.parametrize("name", ["image_bytes", "classify", "regress"])
def test_what_is_decoded_can_be_undecodable(name):
    rows = {"inputs": np.array([b"a", b"b"], dtype=object)}
    bad = _by_words(name, rows, {"inputs": []})
    assert bad["undecodable inputs"]["inputs"][0] == b"a"
    assert bad["undecodable inputs"]["inputs"][1] != b"b"


def test_any_string_is_a_text():
    rows = {"inputs": np.array([b"a", b"b"], dtype=object)}
    bad = _by_words("predict", rows, {"inputs": []})
    assert sorted(bad) == ["an axis too many of inputs", "an empty batch"]


def _valid(*rows):
    return Answer(True, {"valid": np.array(rows)})


REFUSED = Answer(False, code="INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (REFUSED, "pass"),
        (_valid(True, True, False), "pass"),
        (_valid(True, True, True), "fail"),
        (_valid(False, True, False), "fail"),
        (Answer(True, {"scores": np.ones(3)}), "fail"),
        (Answer(False, code="INTERNAL"), "fail"),
    ],
)
def test_what_counts_as_refused(answer, status):
    requests = [("predict", {}, "this"), ("predict", {}, "that")]
    (check,) = bad_inputs.check(requests, [REFUSED, answer])
    assert check.name == "predict, bad requests"
    assert check.status == status
    assert ("this" in check.text) == (status == "pass")
    assert "that" in check.text


def test_each_signature_has_a_check():
    requests = [("predict", {}, "this"), ("features", {}, "that")]
    checks = bad_inputs.check(requests, [REFUSED, Answer(True, {})])
    assert [(c.name, c.status) for c in checks] == [
        ("predict, bad requests", "pass"),
        ("features, bad requests", "fail"),
    ]
