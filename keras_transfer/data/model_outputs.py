"""What a model says of rows, whatever kind of model it is."""

import keras
import numpy as np
from keras import tree

from keras_transfer._public import invalid_argument


def plain_model(model):
    """The model inside of a trainer of this package, or the model itself."""
    inner = getattr(model, "model", None)
    return inner if isinstance(inner, keras.Model) else model


def outputs_of(model, x, batch_size=32):
    """Outputs of a model for rows, as one NumPy array.

    Args:
        model: A `keras.Model`, a layer, or a function of a batch.
        x: Array, or nest of arrays `(rows, ...)`.
        batch_size: Rows at a time.

    Returns:
        An array `(rows, ...)`.

    Raises:
        ValueError: If the model cannot be called, or has several outputs.
    """
    if isinstance(model, keras.Model):
        found = model.predict(x, batch_size=batch_size, verbose=0)
    elif callable(model):
        found = _in_batches(model, x, batch_size)
    else:
        raise invalid_argument(
            "model", model, "a model, a layer or a function of a batch"
        )
    if not isinstance(found, np.ndarray):
        raise ValueError(
            "Expected a model with a single output. Received: "
            f"{type(found).__name__}. Make a model of the one that is meant."
        )
    return found


def num_rows(x):
    """Number of rows of an array, or of a nest of arrays."""
    return len(tree.flatten(x)[0])


def _in_batches(function, x, batch_size):
    is_layer = isinstance(function, keras.Layer)
    found = []
    for start in range(0, num_rows(x), batch_size):
        rows = slice(start, start + batch_size)
        batch = tree.map_structure(lambda leaf, rows=rows: leaf[rows], x)
        found.append(
            function(batch, training=False) if is_layer else function(batch)
        )
    return tree.map_structure(
        lambda *parts: np.concatenate([np.asarray(part) for part in parts]),
        *found,
    )
