"""What `Reptile` may be given."""

import keras
import numpy as np
import pytest

from keras_transfer import schedules
from keras_transfer.layers.opaque import OpaqueLayer
from keras_transfer.meta import reptile_arguments

RIGHT = {
    "statistics": "support",
    "inner_learning_rate": 0.1,
    "beta_2": 0.0,
    "inner_steps": 1,
}


class Finished(OpaqueLayer):
    def build(self, shape):
        self.weight = self.add_weight(shape=(shape[-1],), name="weight")

    def call(self, inputs):
        return inputs * self.weight


def with_finished_layer():
    return keras.Sequential(
        [keras.Input((4,)), Finished(name="hub"), keras.layers.Dense(3)]
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statistics", "supports"),
        ("inner_learning_rate", 0.0),
        ("inner_learning_rate", float("inf")),
        ("inner_learning_rate", "fast"),
        ("beta_2", 1.0),
        ("beta_2", -0.1),
        ("inner_steps", 0),
        ("inner_steps", 2.0),
    ],
)
def test_wrong_values_are_named(name, value):
    with pytest.raises(ValueError, match=name):
        reptile_arguments.check(**{**RIGHT, name: value})


def test_right_values_pass():
    reptile_arguments.check(**RIGHT)


def test_outer_step():
    linear = reptile_arguments.outer_step_of("linear")
    assert [float(linear(p)) for p in (0.0, 0.25, 1.0)] == [1.0, 0.75, 0.0]
    assert reptile_arguments.outer_step_of(np.float32(0.5)) == 0.5
    ramp = schedules.LinearRamp(0.5, 0.1)
    assert reptile_arguments.outer_step_of(ramp) is ramp
    with pytest.raises(ValueError, match="linear"):
        reptile_arguments.outer_step_of("liner")
    with pytest.raises(ValueError, match="outer_step"):
        reptile_arguments.outer_step_of(None)


def test_a_finished_graph_must_be_frozen():
    model = with_finished_layer()
    with pytest.raises(ValueError, match="'hub' is a finished graph"):
        reptile_arguments.check_model(model)
    model.layers[0].trainable = False
    reptile_arguments.check_model(model)


def test_wrong_models():
    with pytest.raises(ValueError, match="keras.Model"):
        reptile_arguments.check_model(keras.layers.Dense(3))
    with pytest.raises(ValueError, match="not built"):
        reptile_arguments.check_model(keras.Sequential([keras.layers.Dense(3)]))
    frozen = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    frozen.trainable = False
    with pytest.raises(ValueError, match="nothing to train"):
        reptile_arguments.check_model(frozen)
