"""Small models and exports of them, for tests of what is published."""

import keras
import numpy as np

import keras_transfer as kt
from keras_transfer.export import signatures
from keras_transfer.export.check import Check
from keras_transfer.export.served_model import ServedModel
from keras_transfer.export.verification import Trial

CLASS_NAMES = ["daisy", "rose", "tulip"]


def image_model():
    """A classifier of images 6 x 6 that returns logits."""
    inputs = keras.Input((6, 6, 3), name="image")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def number_model():
    """The smallest model: four numbers to two."""
    inputs = keras.Input((4,), name="numbers")
    return keras.Model(inputs, keras.layers.Dense(2, name="out")(inputs))


def export_flowers(base):
    """An export with several signatures; its `Report`."""
    return kt.export.save(
        image_model(),
        base,
        class_names=CLASS_NAMES,
        signatures=("predict", "image_bytes", "features", "classify"),
        card={"metrics": {"accuracy": np.float32(0.5)}},
    )


def predict_signature(model):
    """`(served, signature)` of a plain model."""
    served = ServedModel(model)
    return served, signatures.make("predict", served, signatures.Settings())


def nothing_tried(*args, **kwargs):
    """Stands in for `verification.try_out`: no process is started."""
    return Trial([Check("tried", "pass")], {}, {})


def status_of(report, name):
    """The status of the only check of this name."""
    (check,) = [check for check in report.checks if check.name == name]
    return check.status


def text_of(report, name):
    """The text of the only check of this name."""
    (check,) = [check for check in report.checks if check.name == name]
    return check.text
