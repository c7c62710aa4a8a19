"""Where layers stand in the graph of a model."""

import keras
import numpy as np
import pytest

from keras_transfer.training import model_graph

L = keras.layers


def _nested():
    """A model in a model, whose own end is not the layer's output here."""
    inner_inputs = keras.Input((4,))
    inner = keras.Model(
        inner_inputs, L.Dense(3, name="low")(inner_inputs), name="inner"
    )
    inputs = keras.Input((4,), name="rows")
    return keras.Model(inputs, L.Dense(2, name="head")(inner(inputs)))


def test_what_is_its_graph_and_no_more():
    class Doubled(keras.Model):
        def call(self, inputs):
            return 2.0 * super().call(inputs)

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    model = _nested()
    assert model_graph.has_graph(model)
    assert model_graph.has_graph(keras.Sequential([L.Dense(1)]))
    assert not model_graph.has_graph(Doubled(model.inputs, model.outputs))
    assert not model_graph.has_graph(Own())


def test_the_output_of_a_nested_model_is_that_of_its_call_here():
    model = _nested()
    features = model_graph.output_of(model, "inner")
    tap = keras.Model(model_graph.inputs_of(model), features)
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(tap(x), model.get_layer("inner")(x))


def test_a_sequential_model_has_a_graph_too():
    model = keras.Sequential([keras.Input((4,)), L.Dense(3), L.Dense(2)])
    node = model_graph.single_node(model, model.layers[-1])
    tap = keras.Model(model_graph.inputs_of(model), node.input_tensors[0])
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(tap(x), model.layers[0](x))


def test_an_unknown_name_is_refused_with_the_closest():
    with pytest.raises(ValueError, match="`features`.*'inner'"):
        model_graph.output_of(_nested(), "iner")


def test_a_layer_that_is_called_twice_is_refused():
    inputs = keras.Input((4,))
    twice = L.Dense(4, name="twice")
    model = keras.Model(inputs, twice(twice(inputs)))
    with pytest.raises(ValueError, match="'twice'.*exactly once.*2 calls"):
        model_graph.output_of(model, "twice")


def test_heads_are_dense_and_convolutional():
    assert issubclass(L.Dense, model_graph.HEADS)
    assert not issubclass(L.BatchNormalization, model_graph.HEADS)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (lambda: L.Dense(3), None),
        (lambda: L.Dense(3, activation="relu"), None),
        (lambda: L.Dense(3, activation="softmax"), "softmax"),
        (lambda: L.Dense(3, activation="sigmoid"), "sigmoid"),
        (lambda: L.Softmax(), "softmax"),
        (lambda: L.Activation("softmax"), "softmax"),
    ],
    ids=["none", "relu", "softmax", "sigmoid", "softmax_layer", "activation"],
)
def test_what_makes_outputs_no_logits(last, expected):
    model = keras.Sequential([keras.Input((3,)), last()])
    assert model_graph.last_activation(model) == expected


def test_operations_on_a_tensor_are_listed_once_for_each_call():
    inputs = keras.Input((3,))
    first, second = keras.layers.Dense(2), keras.layers.Dense(2)
    outputs = keras.layers.Add()([first(inputs), first(inputs), second(inputs)])
    model = keras.Model(inputs, outputs)
    found = model_graph.operations_on(model, model.inputs[0])
    assert sorted(found, key=id) == sorted([first, first, second], key=id)
    assert model_graph.operations_on(model, model.outputs[0]) == []
