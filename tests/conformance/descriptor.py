"""How a public object is made and called, for checks of the whole table."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import keras_transfer as kt


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """How to make a public object and how to call it.

    Attributes:
        name: Public name, as `layers.GradientReversal`; with a variant in
            brackets where there are several of one object.
        kind: See the head of this file.
        create: Makes the object; for functions, returns the function.
        inputs: Arrays for a call.
        arguments: Further arguments of the call.
        changes_precision: Whether half precision in gives float32 out.
        tolerance: Of a compiled call; XLA sums in another order.
        needs_tensorflow: Whether it works on no other backend.
        plain_inputs: Of the plain model of a trainer, if they differ.
    """

    name: str
    kind: str
    create: Callable[[], Any]
    inputs: tuple = ()
    arguments: dict = dataclasses.field(default_factory=dict)
    changes_precision: bool = False
    tolerance: float = 1e-6
    needs_tensorflow: bool = False
    plain_inputs: tuple = ()

    @property
    def public_name(self):
        return self.name.split("[")[0]

    def call(self, created, *inputs):
        """Calls the object as its family is called."""
        if self.kind == "term":
            batches = [
                kt.alignment.Representation(features=(features,))
                for features in inputs
            ]
            return created(*batches, **self.arguments)
        return created(*inputs, **self.arguments)

    def model(self, created):
        """A functional model that holds the object."""
        if self.kind == "schedule":
            inputs = keras.Input((3,))
            layer = kt.layers.GradientReversal(strength=created)
            return keras.Model(inputs, layer(inputs))
        inputs = [keras.Input(array.shape[1:]) for array in self.inputs]
        if self.kind == "term":
            layer = kt.layers.AlignmentLoss(created)
            return keras.Model(inputs, layer(*inputs))
        outputs = created(*inputs, **self.arguments)
        return keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def rows(rows=6, width=4, shift=0.0, scale=1.0):
    values = np.random.default_rng(rows).normal(size=(rows, width))
    return (values * scale + shift).astype("float32")
