"""Layers whose inside is a finished graph are found at any depth."""

import keras

from keras_transfer.layers import opaque


def test_they_are_found_inside_of_nested_models():
    class Graph(opaque.OpaqueLayer):
        def call(self, inputs):
            return inputs

    inner = keras.Sequential([keras.Input((2,)), Graph(name="graph")])
    outer = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(1)])
    assert [x.name for x in opaque.opaque_layers(outer)] == ["graph"]
    plain = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert opaque.opaque_layers(plain) == []


def test_keras_own_layer_for_saved_models_is_one(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.export(tmp_path, verbose=False)
    layer = keras.layers.TFSMLayer(tmp_path, call_endpoint="serve")
    served = keras.Sequential([keras.Input((2,)), layer])
    assert opaque.opaque_layers(served) == [layer]
