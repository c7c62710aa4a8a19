"""Copies of models: nothing changes but what is asked for."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_transfer.finetune.morphism.graph import Graph
from keras_transfer.finetune.morphism.rebuild import Edit
from keras_transfer.finetune.morphism.rebuild import build
from keras_transfer.finetune.morphism.rebuild import morph
from tests.finetune.morphism import architectures


def copy_of(model):
    return build(Graph(model), Edit())[0]


class OwnModel(keras.Model):
    """With a step of its own, and made of a graph."""

    def train_step(self, data):
        return {"loss": 7.0}


def test_a_copy_has_the_same_weights_and_none_in_common():
    model, _ = architectures.random_network(0)
    model.layers[1].trainable = False
    new, pairs = build(Graph(model), Edit())
    assert [w.path for w in new.weights] == [w.path for w in model.weights]
    assert not {id(w) for w in new.weights} & {id(w) for w in model.weights}
    assert len(pairs) == len(model.variables)
    assert len(new.trainable_weights) == len(model.trainable_weights)
    assert new.name == model.name
    assert [x.name for x in new.layers] == [x.name for x in model.layers]
    assert architectures.difference(model, new) == 0.0


def test_the_model_stays_as_it_is():
    model = architectures.conv_net()
    model.compile("sgd", "mse")
    outputs = [layer.output for layer in model.layers]
    calls = [len(layer._inbound_nodes) for layer in model.layers]
    assert not copy_of(model).compiled
    assert model.compiled
    assert all(
        one is layer.output
        for one, layer in zip(outputs, model.layers, strict=True)
    )
    assert calls == [len(layer._inbound_nodes) for layer in model.layers]


def test_kinds_of_models_stay():
    inputs = keras.Input((4,))
    model = OwnModel(inputs, layers.Dense(2)(inputs), name="own")
    new = copy_of(model)
    assert type(new) is type(model)
    assert new.name == "own"
    assert type(copy_of(architectures.perceptron())) is keras.Sequential


def test_models_with_another_constructor_become_functional():
    class Classifier(keras.Model):
        def __init__(self, width):
            inputs = keras.Input((4,))
            super().__init__(inputs, layers.Dense(width)(inputs))

    new = copy_of(Classifier(2))
    assert not isinstance(new, Classifier)
    assert new.output_shape == (None, 2)


@pytest.mark.parametrize("name", [None, "rows"])
def test_names_of_inputs_stay(name):
    model = keras.Sequential([keras.Input((4,), name=name), layers.Dense(2)])
    graphs = [Graph(model), Graph(copy_of(model))]
    assert graphs[0].input_names == graphs[1].input_names
    assert (graphs[0].input_names == ["rows"]) is (name is not None)


def test_dicts_of_inputs_and_outputs():
    one, two = keras.Input((3,), name="one"), keras.Input((3,), name="two")
    x = layers.Dense(2)(layers.Subtract()([one, two]))
    model = keras.Model({"one": one, "two": two}, {"b": x, "a": x * 2.0})
    new = copy_of(model)
    data = {"one": np.ones((2, 3)), "two": np.arange(6.0).reshape(2, 3)}
    expected, found = model(data), new(data)
    assert set(found) == {"a", "b"}
    for key in found:
        np.testing.assert_array_equal(found[key], expected[key])


def test_lambdas_arguments_and_states_of_dropout():
    scale = np.float32(3.0)  # which a Lambda from a config would not find
    inputs = keras.Input((3,))
    x = layers.Lambda(lambda x: x * scale)(inputs)
    x = layers.Dropout(0.5, seed=1)(x, training=True)
    model = keras.Model(inputs, keras.ops.concatenate([x, x], axis=-1))
    model(np.ones((2, 3)))  # the state is not that of the seed any more
    new = copy_of(model)
    x = np.ones((8, 3), "float32")
    first = np.asarray(model(x))
    np.testing.assert_array_equal(first, new(x))
    assert set(np.unique(first)) == {0.0, 6.0}


def test_shared_layers_and_models_inside_stay_shared():
    inner = architectures.plain_perceptron()
    inputs = keras.Input((4,))
    dense = layers.Dense(4)
    x = dense(dense(inputs))
    model = architectures.randomized(
        keras.Model(inputs, layers.Add()([inner(x), inner(inputs)]))
    )
    new = copy_of(model)
    assert len(new.weights) == len(model.weights)
    assert architectures.difference(model, new) == 0.0


def test_single_frozen_variables_stay_frozen():
    model = architectures.plain_perceptron()
    model.layers[0].bias.trainable = False
    assert len(copy_of(model).trainable_weights) == 3


def test_layers_are_inserted_in_both_kinds_of_models():
    model = architectures.plain_perceptron()
    functional = keras.Model(model.inputs, model.outputs)
    for one in (model, functional):
        edit = Edit(inserted={"hidden": [layers.ReLU(name="more")]})
        names = [layer.name for layer in build(Graph(one), edit)[0].layers]
        assert names[-3:] == ["hidden", "more", "head"]


def test_the_copy_can_be_cut_as_any_model():
    """So the copied layers were called once."""
    new = copy_of(architectures.conv_net())
    part = keras.Model(new.inputs[0], new.get_layer("pool").output)
    assert part(np.ones((1, 8, 8, 3))).shape == (1, 4, 4, 4)


def test_the_name_must_be_one():
    with pytest.raises(ValueError, match="`layer`.*name of a layer"):
        morph(architectures.conv_net(), None, None, False)
