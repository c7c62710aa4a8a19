"""Small episodes of easy classes, and trainers for them."""

import keras
import numpy as np
from keras import layers

import keras_transfer as kt

WIDTH = 5
CLASSES = 8
PER_CLASS = 12


def arrays(spread=0.5):
    """Rows around one point for each class."""
    generator = np.random.default_rng(3)
    centres = generator.normal(size=(CLASSES, 1, WIDTH))
    noise = generator.normal(size=(CLASSES, PER_CLASS, WIDTH))
    x = (centres + spread * noise).reshape(-1, WIDTH).astype("float32")
    return x, np.arange(CLASSES).repeat(PER_CLASS)


def episodes(x=None, **arguments):
    """Three batches of two tasks, three ways, two shots."""
    rows, labels = arrays()
    defaults = {"ways": 3, "shots": 2, "queries": 3, "tasks": 2, "seed": 5}
    defaults["steps_per_epoch"] = 3
    return kt.data.episodes(
        rows if x is None else x, labels, **{**defaults, **arguments}
    )


def encoder(dropout=0.0, batch_norm=True):
    parts = [keras.Input((WIDTH,)), layers.Dense(4)]
    if batch_norm:
        parts.append(layers.BatchNormalization(momentum=0.9))
    if dropout:
        parts.append(layers.Dropout(dropout))
    return keras.Sequential(parts)


def network(model=None, **arguments):
    """A compiled `PrototypicalNetwork`."""
    trainer = kt.meta.PrototypicalNetwork(model or encoder(), **arguments)
    trainer.compile(keras.optimizers.Adam(0.01))
    return trainer


def weights(trainer):
    return [np.array(weight) for weight in trainer.get_weights()]
