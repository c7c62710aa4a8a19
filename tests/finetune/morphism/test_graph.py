"""The graph as it is read from a model."""

import keras
import pytest
from keras import layers

from keras_transfer.finetune.morphism.graph import Graph
from keras_transfer.finetune.morphism.graph import is_graph
from tests.finetune.morphism import architectures


@pytest.fixture
def model():
    image = keras.Input((6, 6, 2), name="image")
    shared = layers.Conv2D(3, 1, name="shared")
    x, y = shared(image), shared(image * 2.0)
    x = layers.Add(name="sum")([x, y])
    unused = layers.Flatten(name="flat")(x)
    return keras.Model(
        {"image": image}, {"z": x, "a": layers.Dense(2, name="top")(unused)}
    )


def test_calls_and_their_inputs(model):
    graph = Graph(model)
    first, second = graph.calls["shared"]
    assert [t.key for t in first.inputs] == [("image", 0, 0)]
    assert [t.key for t in second.inputs] == [("multiply", 0, 0)]
    (added,) = graph.calls["sum"]
    assert [t.key for t in added.inputs] == [first.output, second.output]
    assert graph.calls["image"] == []
    assert graph.call_of(("image", 0, 0)) is None
    assert graph.call_of(second.output) is second


def test_shapes_of_outputs_in_the_order_of_names(model):
    graph = Graph(model)
    assert graph.outputs == {
        ("top", 0, 0): (None, 2),
        ("sum", 0, 0): (None, 6, 6, 3),
    }
    assert graph.shape("top") == (None, 2)
    assert graph.shape("flat") == (None, 108)


def test_ancestors(model):
    graph = Graph(model)
    assert graph.ancestors("sum") == {"shared", "image", "multiply"}
    assert "sum" not in graph.ancestors("shared")


def test_what_else_a_call_takes():
    inputs = keras.Input((3,))
    x = layers.Dense(3, name="dense")(inputs, training=False) * 2.0
    x = x + keras.ops.ones((3,))
    graph = Graph(keras.Model(inputs, x))
    plain = {call.name: call.is_plain for call in graph.all_calls()}
    assert plain == {"dense": True, "multiply": True, "add": False}


def test_names(model):
    graph = Graph(model)
    assert graph.free_name("new") == "new"
    assert graph.free_name("sum") == "sum_2"
    with pytest.raises(ValueError, match="`layer`.*Did you mean 'shared'"):
        graph.find("sharde", "layer")
    with pytest.raises(ValueError, match="`after`.*that the model calls once"):
        graph.find_once("shared", "after")


def test_a_layer_that_is_used_elsewhere_too(model):
    """Calls of other models are no calls of this one."""
    model.get_layer("shared")(keras.Input((4, 4, 2)))
    assert len(Graph(model).calls["shared"]) == 2


def test_sequential_models_have_a_graph():
    graph = Graph(architectures.conv_net())
    assert list(graph.operations)[1:3] == ["conv_1", "norm_1"]
    assert graph.outputs == {("head", 0, 0): (None, 3)}


def test_lambdas_raise_no_warning():
    inputs = keras.Input((3,))
    graph = Graph(
        keras.Model(
            inputs, layers.Lambda(lambda x: x * 2, name="twice")(inputs)
        )
    )
    assert "twice" in graph.calls


def test_models_without_a_graph_are_refused():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    for model in (Subclassed(), keras.Sequential([layers.Dense(2)]), None):
        assert not is_graph(model)
        with pytest.raises(ValueError, match="`model`.*Functional"):
            Graph(model)
