"""The contract of an alignment term."""

import abc
from typing import Any
from typing import NamedTuple

import keras

from keras_transfer import schedules
from keras_transfer._public import invalid_argument


class Representation(NamedTuple):
    """What a model makes of a batch of one domain.

    Attributes:
        features: Tuple of tensors `(rows, width)`, one per aligned layer.
        logits: The outputs of the model, in their own structure.
        labels: The labels, or `None` where the domain has none.
    """

    features: tuple
    logits: Any = None
    labels: Any = None


class AbstractAlignment(keras.layers.Layer, abc.ABC):
    """A loss between the representations of a source and a target batch.

    A term is a layer, so that what it owns (a discriminator, random
    projections, metrics) is trained, saved and logged with the trainer.
    Subclasses write `call(source, target, progress=1.0, training=None)`, which
    returns a scalar before `weight` is applied, and, if they own weights,
    `build(source_shape, ...)`, where `source_shape` is a `Representation` of
    shapes.

    Args:
        weight: Factor on the term in the total loss: a number or a schedule.
            The number 0 switches the term off.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    #: Fewest rows of each domain in a batch for which the term is defined.
    minimum_rows = 1
    #: Whether the term wants target labels (few or many).
    uses_target_labels = False

    def __init__(self, weight=1.0, **kwargs):
        weight = schedules.get(weight, "weight")
        is_number = not isinstance(weight, schedules.AbstractSchedule)
        if is_number and not weight >= 0:  # NaN is not >= 0 either
            raise invalid_argument("weight", weight, "a number that is not < 0")
        # The terms choose their own precision: see ops.precision.
        super().__init__(autocast=False, **kwargs)
        self.weight = weight

    @abc.abstractmethod
    def call(self, source, target, progress=1.0, training=None):
        """Unweighted value of the term, a scalar."""

    @property
    def is_off(self):
        """Whether the weight is the number 0."""
        return self.weight == 0

    def weight_at(self, progress):
        """The weight at a share of training, a number or scalar tensor."""
        return schedules.value_at(self.weight, progress)

    def compute_output_shape(self, *args, **kwargs):
        return ()

    def get_config(self):
        weight = schedules.serialize(self.weight)
        return {**super().get_config(), "weight": weight}


def sum_over_layers(function, source, target):
    """Sum of a function of two feature batches over the aligned layers."""
    return sum(
        function(source_features, target_features)
        for source_features, target_features in zip(
            source.features, target.features, strict=True
        )
    )
