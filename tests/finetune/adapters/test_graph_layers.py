"""Layers by path: nested, shared, in attention, and of no graph."""

import keras
import pytest
from keras import layers

from keras_transfer.finetune.adapters import LoRA
from keras_transfer.finetune.adapters import add_adapters
from keras_transfer.finetune.adapters import graph_layers
from tests.finetune.adapters import models


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def test_paths_of_nested_and_shared_layers():
    shared = layers.Dense(5, name="shared")
    encoder = keras.Sequential([keras.Input((5,)), shared], name="encoder")
    inputs = keras.Input((5,))
    model = keras.Model(
        inputs, Subclassed()(shared(encoder(inputs))), name="whole"
    )
    found = graph_layers.graph_layers(model)
    assert [path for path, _ in found] == ["encoder/shared", "subclassed"]


def test_only_graphs_will_do():
    graph_layers.check_graph(models.dense())
    model = Subclassed()
    model(models.rows(2, 4))
    for wrong in (model, layers.Dense(3), keras.Sequential(), "model"):
        with pytest.raises(ValueError, match="`model`.*Functional or Seq"):
            graph_layers.check_graph(wrong)


def test_adapted_layers_and_those_that_learn_beside():
    model = add_adapters(
        models.attention(cross=True),
        LoRA(rank=2, target=["query", "to_key"]),
        also_train="to_value",
    )
    paths = [path for path, _ in graph_layers.adapted_layers(model)]
    assert sorted(paths) == ["attention/query", "to_key"]
    beside = graph_layers.other_learning_layers(model)
    assert [path for path, _ in beside] == ["to_value"]
    assert list(graph_layers.adapters_of(model)) == ["default"]


@pytest.mark.parametrize("adapted", [False, True])
def test_projections_have_the_names_of_keras(adapted):
    model = models.attention()
    if adapted:
        model = add_adapters(model, LoRA(target="attention"))
    found = graph_layers.projections(model.get_layer("attention"))
    assert [part.name for part in found.values()] == list(found)
    assert list(found) == ["query", "key", "value", "attention_output"]


def test_names_of_adapters():
    with pytest.raises(ValueError, match="`model`.*with adapters"):
        graph_layers.check_name(models.dense(), "default")
    model = add_adapters(models.dense(), LoRA(), "cats")
    graph_layers.check_name(model, "cats")
    with pytest.raises(ValueError, match="`name`.*Did you mean 'cats'"):
        graph_layers.check_name(model, "cat")
