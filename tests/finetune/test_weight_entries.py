"""Lists of the weights of models and files."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.weight_entries import weights_of_arrays
from keras_transfer.finetune.weight_entries import weights_of_model

layers = keras.layers


def _names(model):
    weights, _ = weights_of_model(model)
    return [weight.name for weight in weights]


def test_names_tell_where_a_layer_lies():
    inner = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.GlobalAveragePooling2D(),
        ],
        name="backbone",
    )
    model = keras.Sequential([inner, layers.Dense(2, name="head")])
    assert _names(model) == [
        "backbone/conv/kernel",
        "backbone/conv/bias",
        "backbone/norm/gamma",
        "backbone/norm/beta",
        "backbone/norm/moving_mean",
        "backbone/norm/moving_variance",
        "head/kernel",
        "head/bias",
    ]


def test_layers_within_layers():
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.TimeDistributed(layers.Dense(2, name="inner"), name="outer"),
            layers.LSTM(2, name="lstm"),
        ]
    )
    assert _names(model) == [
        "outer/inner/kernel",
        "outer/inner/bias",
        "lstm/lstm_cell/kernel",
        "lstm/lstm_cell/recurrent_kernel",
        "lstm/lstm_cell/bias",
    ]


class _Scaled(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2, name="dense")
        self.again = self.dense

    def build(self, shape):
        self.scale = self.add_weight(shape=(), name="scale")
        self.dense.build(shape)

    def call(self, x):
        return self.again(x) * self.scale


def test_own_weights_of_a_model_and_shared_layers():
    model = _Scaled()
    model.build((None, 3))
    assert _names(model) == ["scale", "dense/kernel", "dense/bias"]


def test_all_weights_and_no_seeds_once():
    shared = layers.Dense(4, name="shared")
    inputs = keras.Input((4,))
    x = layers.Dropout(0.5)(shared(shared(inputs)))
    model = keras.Model(inputs, layers.Dense(1, name="head")(x))
    model.compile("adam", "mse", metrics=["mae"])
    weights, _ = weights_of_model(model)
    assert [id(w.value) for w in weights] == [id(w) for w in model.weights]


def test_values_shapes_and_maps():
    model = keras.Sequential(
        [keras.Input((2, 2, 3)), layers.Flatten(), layers.Dense(5)]
    )
    kernel, bias = weights_of_model(model)[0]
    assert kernel.shape == (12, 5) and kernel.flattened == (2, 2, 3)
    np.testing.assert_array_equal(kernel.numbers(), model.get_weights()[0])
    assert (kernel.torch_role, bias.torch_role) == ("weight", "bias")
    assert not kernel.is_torch


@pytest.mark.parametrize(
    ("part", "roles"),
    [
        (layers.Dense(2), ["weight", "bias"]),
        (layers.Conv2D(2, 1), ["weight", "bias"]),
        (layers.Conv2DTranspose(2, 1), ["weight", "bias"]),
        (layers.DepthwiseConv2D(1), ["weight", "bias"]),
        (
            layers.BatchNormalization(),
            ["weight", "bias", "running_mean", "running_var"],
        ),
        (layers.LayerNormalization(), ["weight", "bias"]),
        (layers.GroupNormalization(1), ["weight", "bias"]),
        (layers.EinsumDense("...i,io->...o", 4), [None]),
        (layers.SeparableConv2D(2, 1), [None, None, None]),
    ],
    ids=range(9),
)
def test_what_pytorch_calls_them(part, roles):
    model = keras.Sequential([keras.Input((4, 4, 3)), part])
    weights, _ = weights_of_model(model)
    assert [weight.torch_role for weight in weights] == roles


def test_what_pytorch_calls_an_embedding():
    model = keras.Sequential([keras.Input((4,)), layers.Embedding(3, 2)])
    (weight,) = weights_of_model(model)[0]
    assert weight.torch_role == "weight"


def test_names_of_pytorch():
    weights = weights_of_arrays(
        {
            "layer1.0.bn1.weight": np.ones(3),
            "layer1.0.bn1.num_batches_tracked": np.array(9),
            "position": np.ones((1, 4)),
            "weight": np.ones(2),
        }
    )
    assert [w.path for w in weights] == [("layer1", "0", "bn1"), (), ()]
    assert [w.is_torch for w in weights] == [True, False, True]
    assert weights[0].part == "layer1.0.bn1"


def test_names_of_keras_are_not_those_of_pytorch():
    (weight,) = weights_of_arrays({"block.1/weight": np.ones(2)})
    assert weight.path == ("block.1",) and not weight.is_torch
    assert weight.name == "block.1/weight"


@pytest.mark.parametrize(
    "arrays",
    [{3: np.ones(2)}, {"": np.ones(2)}, {"a": "text"}, {"a": [None]}],
    ids=str,
)
def test_what_is_no_dict_of_arrays(arrays):
    with pytest.raises(ValueError, match="source"):
        weights_of_arrays(arrays)
