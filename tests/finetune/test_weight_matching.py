"""Pairs by mapping, by name and in order."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.weight_matching import LEFT_OUT
from keras_transfer.finetune.weight_matching import match_weights
from tests.finetune.weight_lists import dense_model
from tests.finetune.weight_lists import names
from tests.finetune.weight_lists import sources_of
from tests.finetune.weight_lists import targets_of
from tests.finetune.weight_lists import torch_dense


def _match(arrays, model, mapping=None, **arguments):
    return match_weights(
        sources_of(arrays), targets_of(model), mapping, **arguments
    )


def test_by_name_where_a_name_agrees():
    match = _match(torch_dense(2, a=2, b=2), dense_model(2, a=2, c=2))
    assert match.method == "name"
    assert names(match.pairs) == {"a.weight": "a/kernel", "a.bias": "a/bias"}
    assert len(match.reasons) == 2


def test_else_in_order():
    match = _match(torch_dense(2, a=2, b=3), dense_model(2, c=2, d=3))
    assert match.method == "shape and order"
    assert names(match.pairs)["b.weight"] == "d/kernel"


def test_automatic_names_are_no_names():
    first = dense_model(2, _a=2, _b=3, _c=4)
    second = dense_model(2, _a=2, _b=3, _c=4)
    for model, numbers in ((first, (1, 2, 3)), (second, (2, 3, 4))):
        for layer, number in zip(model.layers, numbers, strict=True):
            layer.name = f"dense_{number}"
    match = match_weights(targets_of(first), targets_of(second))
    assert match.method == "shape and order"
    assert names(match.pairs)["dense_2/kernel"] == "dense_3/kernel"


def test_a_method_may_be_asked_for():
    arrays, model = torch_dense(2, a=2, b=2), dense_model(2, b=2, a=2)
    by_name = _match(arrays, model, "name")
    in_order = _match(arrays, model, "order")
    assert names(by_name.pairs)["a.weight"] == "a/kernel"
    assert names(in_order.pairs)["a.weight"] == "b/kernel"
    assert _match(torch_dense(2, x=2), model, "name").pairs == []


def test_in_order_and_loosely():
    arrays, model = torch_dense(2, a=2), dense_model(2, b=3)
    assert _match(arrays, model).pairs == []
    assert len(_match(arrays, model, loose=True).pairs) == 2


@pytest.mark.parametrize(
    "mapping",
    [
        {"a": "c"},
        {"a.weight": "c/kernel", "a.bias": "c"},
        {"a*": "c*"},
        {"*a": "c"},
        {"a": "c", "*": None},
    ],
    ids=["layer", "weight", "pattern", "unused star", "rest left out"],
)
def test_a_mapping(mapping):
    match = _match(torch_dense(2, a=2), dense_model(2, b=2, c=2), mapping)
    assert names(match.pairs) == {"a.weight": "c/kernel", "a.bias": "c/bias"}
    assert match.method == "mapping and name"


def test_a_pattern_renames_and_names_find_the_rest():
    arrays = torch_dense(2, **{"encoder.a": 2, "encoder.b": 2, "fc": 2})
    model = dense_model(2, a=2, b=2, fc=2)
    match = _match(arrays, model, {"encoder.*": "*"})
    assert names(match.pairs) == {
        f"{prefix}{name}.{ours}": f"{name}/{theirs}"
        for prefix, name in (("encoder.", "a"), ("encoder.", "b"), ("", "fc"))
        for ours, theirs in (("weight", "kernel"), ("bias", "bias"))
    }


def test_several_stars():
    arrays = torch_dense(2, **{"x.0.fc.1": 2})
    match = _match(arrays, dense_model(2, y_0_1=2), {"x.*.fc.*": "y_*_*"})
    assert len(match.pairs) == 2


def test_the_first_key_that_fits_counts():
    arrays = torch_dense(2, a=2, b=2)
    model = dense_model(2, c=2, d=2)
    match = _match(arrays, model, {"b": "c", "*": "d"})
    assert names(match.pairs)["b.bias"] == "c/bias"
    assert names(match.pairs)["a.bias"] == "d/bias"


def test_none_leaves_out():
    arrays, model = torch_dense(2, a=2, b=2), dense_model(2, a=2, b=2)
    match = _match(arrays, model, {"b": None})
    assert set(names(match.pairs)) == {"a.weight", "a.bias"}
    assert list(match.reasons.values()) == [LEFT_OUT, LEFT_OUT]


def test_what_a_mapping_takes_is_not_given_twice():
    arrays, model = torch_dense(2, a=2, b=2), dense_model(2, b=2, c=2)
    match = _match(arrays, model, {"a": "b"})
    assert names(match.pairs) == {"a.weight": "b/kernel", "a.bias": "b/bias"}
    assert set(match.reasons.values()) == {
        "the target has no layer of this name"
    }


def test_patterns_may_miss_and_say_so():
    arrays = torch_dense(2, **{"e.a": 2, "e.old": 2})
    match = _match(arrays, dense_model(2, a=2), {"e.*": "*"})
    assert len(match.pairs) == 2
    assert set(match.reasons.values()) == {"the target has no 'old' for it"}


def test_a_weight_that_the_named_layer_lacks():
    layer = keras.layers.Dense(2, use_bias=False, name="b")
    model = keras.Sequential([keras.Input((2,)), layer])
    match = _match(torch_dense(2, a=2), model, {"a": "b"})
    assert names(match.pairs) == {"a.weight": "b/kernel"}
    assert list(match.reasons.values()) == ["the target has no 'b' for it"]


def test_a_shorter_name_that_only_one_layer_has():
    inner = dense_model(2, a=2)
    inner.name = "net"
    model = keras.Sequential([inner, keras.layers.Dense(2, name="b")])
    match = _match(torch_dense(2, x=2), model, {"x": "a"})
    assert names(match.pairs)["x.weight"] == "net/a/kernel"


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ({"aaa": "c"}, "key of mapping.*Received.*'aaa'.*Did you mean"),
        ({"a": "d"}, r"mapping\['a'\].*Did you mean"),
        ({"a": 3}, "names as keys"),
        ({3: "c"}, "names as keys"),
        ({"": "c"}, "names as keys"),
        ({"a": "c*"}, "no more `\\*` right than left"),
        ("names", "a dict, 'name', 'order' or None"),
        (["a"], "a dict, 'name', 'order' or None"),
    ],
    ids=range(8),
)
def test_mistakes(mapping, reason):
    arrays = {"aa.weight": np.ones((2, 2)), "a.weight": np.ones((2, 2))}
    with pytest.raises(ValueError, match=reason):
        _match(arrays, dense_model(2, c=2, dd=2), mapping)
