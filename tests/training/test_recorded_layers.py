"""What layers take and return, noted on the way."""

import keras
import numpy as np
import pytest

from keras_transfer.training import recorded_layers


def _model():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="dense")], name="inner"
    )
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.ReLU(name="relu")(inner(inputs)))


def test_inner_layers_are_noted(generator):
    model = _model()
    x = generator.normal(size=(2, 4)).astype("float32")
    dense = model.get_layer("inner").get_layer("dense")
    with recorded_layers.recorded([dense]) as records:
        outputs = model(x)
    call = recorded_layers.single_call(dense, records[0])
    np.testing.assert_array_equal(call.inputs, x)
    np.testing.assert_array_equal(np.maximum(call.outputs, 0), outputs)
    model(x)
    assert len(records[0]) == 1  # closed


def test_a_layer_is_left_as_it_was(generator):
    model = _model()
    relu = model.get_layer("relu")
    with pytest.raises(RuntimeError), recorded_layers.recorded([relu]):
        raise RuntimeError
    assert "call" not in relu.__dict__
    x = np.ones((1, 3), "float32")
    with recorded_layers.replaced_call(relu, lambda stock: lambda x: 2 * x):
        with recorded_layers.recorded([relu]) as records:
            relu(x)
        np.testing.assert_array_equal(relu(x), 2 * x)
    np.testing.assert_array_equal(records[0][0].outputs, 2 * x)
    np.testing.assert_array_equal(relu(x), x)


@pytest.mark.parametrize("count", [0, 2])
def test_one_call_is_wanted(count):
    relu = keras.layers.ReLU(name="relu")
    with recorded_layers.recorded([relu]) as records:
        for _ in range(count):
            relu(np.ones((1, 2)))
    with pytest.raises(ValueError, match=f"'relu'.*{count} calls"):
        recorded_layers.single_call(relu, records[0])


def test_feature_maps_are_averaged(generator):
    maps = generator.normal(size=(2, 3, 5, 4)).astype("float32")
    np.testing.assert_allclose(
        recorded_layers.pooled(maps), maps.mean(axis=(1, 2)), atol=1e-6
    )
    np.testing.assert_array_equal(
        recorded_layers.pooled(maps[:, 0, 0]), maps[:, 0, 0]
    )


def test_inputs_may_come_by_their_name():
    class Named(keras.layers.Layer):
        def call(self, rows):
            return 2 * rows

    layer, x = Named(), np.ones((1, 2), "float32")
    with recorded_layers.recorded([layer]) as records:
        layer(rows=x)
    call = recorded_layers.single_call(layer, records[0])
    np.testing.assert_array_equal(call.inputs, x)
    np.testing.assert_array_equal(call.outputs, 2 * x)
