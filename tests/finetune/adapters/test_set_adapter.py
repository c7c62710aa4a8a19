"""Switching and combining: values, what learns, and compiled models."""

import numpy as np
import pytest

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import adapter_report
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import set_adapter
from tests.finetune.adapters import models

X = models.rows(8, 5)
Y = models.rows(8, 3)


@pytest.fixture
def base():
    return models.dense()


@pytest.fixture
def model(base):
    first = add_adapters(base, LoRA(rank=2, target="dense_1"), "a")
    models.shake(first)
    second = add_adapters(first, LoRA(rank=2, target="head"), "b")
    models.shake(second, 0.7)
    return second


def test_each_alone_and_none(base, model):
    of_b = models.outputs(model, X)
    set_adapter(model, "a")
    of_a = models.outputs(model, X)
    set_adapter(model, {})
    np.testing.assert_array_equal(model(X), base(X))
    assert models.learning(model) == []
    set_adapter(model, "b")
    np.testing.assert_array_equal(model(X), of_b)
    assert np.abs(of_a - of_b).max() > 0.01


def test_weights_equal_numpy(base, model):
    """Of adapters at the last layer, where outputs are linear in them."""
    model = add_adapters(model, LoRA(rank=1, target="head"), "c")
    models.shake(model, 0.5)
    plain = models.outputs(base, X)
    changes = {}
    for name in "bc":
        set_adapter(model, name)
        changes[name] = models.outputs(model, X) - plain
    set_adapter(model, {"b": 0.7, "c": -2})
    expected = plain + 0.7 * changes["b"] - 2 * changes["c"]
    np.testing.assert_allclose(model(X), expected, atol=1e-5)
    assert adapter_report(model).learning == ("b", "c")


def test_only_what_counts_learns(model):
    set_adapter(model, "a")
    model.compile("adam", "mse")
    before = np.array(model.get_layer("head").branches["b"].b)
    a = np.array(model.get_layer("dense_1").branches["a"].b)
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(
        model.get_layer("head").branches["b"].b, before
    )
    assert np.abs(a - model.get_layer("dense_1").branches["a"].b).max() > 0


def test_a_compiled_model_notices_what_learns(model):
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    set_adapter(model, {"b": 0.5})
    model.fit(X, Y, verbose=0)  # the same weights learn
    set_adapter(model, "a")
    with pytest.raises(ValueError, match="compile"):
        model.fit(X, Y, verbose=0)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)


def test_switching_does_not_trace_anew(model):
    model.predict(X, verbose=0)
    function = model.predict_function
    set_adapter(model, "a")
    np.testing.assert_allclose(model.predict(X, verbose=0), model(X), atol=1e-6)
    assert model.predict_function is function


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        ("c", "`adapter`.*one of 'a', 'b'"),
        ({"a": 1, "c": 0}, "`adapter`.*one of"),
        ({"a": float("nan")}, "`adapter`.*a finite weight for 'a'"),
        ({"a": "1"}, "`adapter`.*a finite weight for 'a'"),
        (["a"], "`adapter`.*a name, or a dict"),
    ],
    ids=["name", "in_dict", "nan", "string", "list"],
)
def test_errors_change_nothing(model, adapter, message):
    before = adapter_report(model)
    with pytest.raises(ValueError, match=message):
        set_adapter(model, adapter)
    assert adapter_report(model) == before


def test_a_model_without_adapters(base):
    for adapter in ("a", {"a": 1}):
        with pytest.raises(ValueError, match="`model`.*with adapters"):
            set_adapter(base, adapter)
