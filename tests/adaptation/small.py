"""Small models and data for the tests of trainers."""

import keras
import numpy as np
from keras import layers

import keras_transfer as kt
from tests.helpers import to_numpy

WIDTH = 4
CLASSES = 3


def dense_model(dropout=0.0, batch_norm=False, seed=7):
    """A functional model with one hidden layer called `hidden`."""
    inputs = keras.Input((WIDTH,))
    x = layers.Dense(8, activation="tanh", name="hidden")(inputs)
    if batch_norm:
        x = layers.BatchNormalization(momentum=0.9, name="norm")(x)
    if dropout:
        x = layers.Dropout(dropout, seed=seed)(x)
    return keras.Model(inputs, layers.Dense(CLASSES, name="logits")(x))


def arrays(source_rows=24, target_rows=24, width=WIDTH):
    """Source rows, labels, and target rows from elsewhere."""
    generator = np.random.default_rng(5)
    source = generator.normal(size=(source_rows, width)).astype("float32")
    labels = generator.integers(CLASSES, size=source_rows)
    target = 1.0 + generator.normal(size=(target_rows, width)) * 2
    return source, labels, target.astype("float32")


def pairs(batch_size=8, seed=3, **kwargs):
    """Three batches of pairs of the arrays."""
    source, labels, target = arrays()
    return kt.data.pair_domains(
        (source, labels), target, batch_size=batch_size, seed=seed, **kwargs
    )


def compiled(trainer, optimizer=None, **kwargs):
    """The trainer, compiled for integer labels."""
    trainer.compile(
        optimizer or keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **kwargs,
    )
    return trainer


def adapted(model, alignment="dann", epochs=1, data=None, **kwargs):
    """A trainer of the model after a short `fit`."""
    trainer = compiled(kt.DomainAdaptation(model, alignment, **kwargs))
    trainer.fit(data or pairs(), epochs=epochs, verbose=0)
    return trainer


def weights(model):
    """All variables of a model as arrays."""
    return [to_numpy(variable) for variable in model.variables]


def assert_same_weights(first, second):
    """Equal to the last bit, all variables, in order."""
    pairs_of_values = zip(weights(first), weights(second), strict=True)
    for position, (one, other) in enumerate(pairs_of_values):
        np.testing.assert_array_equal(one, other, err_msg=f"{position}")


def largest_difference(first, second):
    """Over all variables of two models."""
    return max(
        np.abs(one.astype("float64") - other.astype("float64")).max()
        for one, other in zip(weights(first), weights(second), strict=True)
    )
