"""What `Reptile` may be given."""

import math
import numbers

import keras

from keras_transfer import schedules
from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.layers import opaque
from keras_transfer.meta import batch_statistics
from keras_transfer.ops.prototypes import check_class_count


def check_model(model):
    """Raises unless all trainable weights of a model can be replaced."""
    if not isinstance(model, keras.Model):
        raise invalid_argument("model", model, "a keras.Model")
    if not model.built:
        raise ValueError(
            f"The model {model.name!r} is not built. Give it a keras.Input, or "
            "call it on a batch first."
        )
    if not model.trainable_variables:
        raise ValueError(f"The model {model.name!r} has nothing to train.")
    for layer in opaque.opaque_layers(model):
        if layer.trainable_variables:
            raise ValueError(
                f"The layer {layer.name!r} is a finished graph, whose weights "
                "an inner loop cannot change. Set its `trainable` to False, "
                "or train a model on what it returns."
            )


def check(statistics, inner_learning_rate, beta_2, **counts):
    """Raises unless the other arguments are in their ranges."""
    for name, value in counts.items():
        check_class_count(name, value)
    if not _is_number(inner_learning_rate) or not (
        0 < inner_learning_rate < math.inf
    ):
        raise invalid_argument(
            "inner_learning_rate", inner_learning_rate, "a positive number"
        )
    if not _is_number(beta_2) or not 0 <= beta_2 < 1:
        raise invalid_argument("beta_2", beta_2, "a number in [0, 1)")
    if statistics not in batch_statistics.STATISTICS:
        raise unknown_name(
            "statistics", statistics, batch_statistics.STATISTICS
        )


def outer_step_of(value):
    """The number or schedule that `outer_step` means."""
    if isinstance(value, str):
        if value != "linear":
            raise unknown_name("outer_step", value, ["linear"])
        return schedules.LinearRamp(1.0, 0.0)
    return schedules.get(value, "outer_step")


def _is_number(value):
    return isinstance(value, numbers.Real)
