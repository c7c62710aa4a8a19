"""Half precision in, finite values of the promised dtype out."""

import keras
import numpy as np
import pytest

from tests.conformance.descriptors import of_kind
from tests.helpers import to_numpy

pytestmark = pytest.mark.any_backend

HALVES = pytest.mark.parametrize("half", ["float16", "bfloat16"])


def _dtype(tensor):
    return keras.backend.standardize_dtype(tensor.dtype)


@HALVES
@of_kind("layer", "term", "loss")
def test_mixed_precision_policy(descriptor, half):
    keras.config.set_dtype_policy(f"mixed_{half}")
    created = descriptor.create()
    inputs = [keras.ops.cast(x, half) for x in descriptor.inputs]
    value = descriptor.call(created, *inputs)
    assert _dtype(value) == (
        "float32" if descriptor.changes_precision else half
    )
    assert np.isfinite(to_numpy(keras.ops.cast(value, "float32"))).all()
    if isinstance(created, keras.layers.Layer):
        for variable in created.weights:
            assert variable.dtype not in ("float16", "bfloat16")


@HALVES
@of_kind("function")
def test_functions_of_half_precision(descriptor, half):
    inputs = [keras.ops.cast(x, half) for x in descriptor.inputs]
    value = descriptor.call(descriptor.create(), *inputs)
    assert _dtype(value) == (
        "float32" if descriptor.changes_precision else half
    )
    half_value = to_numpy(keras.ops.cast(value, "float32"))
    exact = to_numpy(descriptor.call(descriptor.create(), *descriptor.inputs))
    np.testing.assert_allclose(half_value, exact, rtol=0.1, atol=0.15)


@of_kind("function", "loss")
def test_double_precision_is_kept(descriptor):
    if keras.backend.backend() == "jax":
        pytest.skip("jax computes in float32 unless told otherwise")
    inputs = [np.asarray(x, "float64") for x in descriptor.inputs]
    value = descriptor.call(descriptor.create(), *inputs)
    expected = "float32" if descriptor.kind == "loss" else "float64"
    assert _dtype(value) == expected
