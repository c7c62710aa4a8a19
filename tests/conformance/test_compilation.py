"""XLA gives what an eager call gives."""

import keras
import numpy as np
import pytest

from tests.conformance.descriptors import of_kind
from tests.helpers import compiled
from tests.helpers import to_numpy

pytestmark = pytest.mark.any_backend


@of_kind("function", "loss", "schedule", "learning_rate")
def test_compiled_function_equals_eager(descriptor):
    created = descriptor.create()
    inputs = [keras.ops.convert_to_tensor(x) for x in descriptor.inputs]
    value = compiled(lambda *args: descriptor.call(created, *args))(*inputs)
    expected = descriptor.call(created, *inputs)
    np.testing.assert_allclose(
        to_numpy(value), to_numpy(expected), rtol=1e-5, atol=1e-6
    )


@of_kind("layer", "term")
def test_compiled_layer_equals_eager(descriptor):
    created = descriptor.create()
    inputs = [keras.ops.convert_to_tensor(x) for x in descriptor.inputs]
    expected = descriptor.call(created, *inputs)

    def stateless(*args):
        with keras.StatelessScope():
            return descriptor.call(created, *args)

    value = compiled(stateless)(*inputs)
    np.testing.assert_allclose(
        to_numpy(value),
        to_numpy(expected),
        rtol=1e-5,
        atol=descriptor.tolerance,
    )


@of_kind("layer")
def test_layers_tell_their_output_shape(descriptor):
    created = descriptor.create()
    symbols = [keras.KerasTensor(x.shape) for x in descriptor.inputs]
    outputs = descriptor.call(created, *symbols)
    value = descriptor.call(created, *descriptor.inputs)
    assert tuple(outputs.shape) == tuple(value.shape)
