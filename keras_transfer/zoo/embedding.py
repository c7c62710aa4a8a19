"""The features of a backbone for labelled rows, in one pass."""

import time
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer.data import checks
from keras_transfer.data.image_folder import ImageFolder


class Embedded(NamedTuple):
    """Features, the labels beside them, and what it took.

    Attributes:
        features: Float array `(rows, width)`.
        labels: Array `(rows, ...)`.
        seconds: Wall time of the pass, that of reading the data included.
        seconds_per_row: The same without the first batch, in which the graph
            is made, by row.
    """

    features: np.ndarray
    labels: np.ndarray
    seconds: float
    seconds_per_row: float


def check_data(data):
    """Raises `ValueError` for data that gives no labelled batches."""
    if isinstance(data, ImageFolder):
        if data.train.labels is None:
            raise ValueError(
                "The image folder has no labels. Make it with labelled=True."
            )
    elif isinstance(data, tf.data.Dataset):
        spec = data.element_spec
        if not isinstance(spec, tuple) or len(spec) < 2:
            raise ValueError(
                f"The dataset must give batches (x, y). Received: {spec}."
            )
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                "The dataset has no end. Leave out `.repeat()`, or end it with "
                "`.take(number)`."
            )
    elif not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(
            "Expected `data` to be a pair of arrays (x, y), a tf.data.Dataset "
            "of batches (x, y), or an image folder. Received: "
            f"{type(data).__name__}."
        )
    else:
        x, y = tree.map_structure(np.asarray, data[0]), np.asarray(data[1])
        if checks.num_rows(x, "target") != len(y):
            raise ValueError(
                f"`data` has {len(y)} labels for "
                f"{checks.num_rows(x, 'target')} rows. Expected one for each."
            )


def embed(backbone, data, batch_size=32):
    """Runs a backbone over all rows once.

    A layer or model gets what its `preprocessing`, if it has one, makes of a
    batch, and runs as a graph in inference mode. Features are averaged over
    all axes but the first and the last.

    Args:
        backbone: A Keras layer or model, or a function of a batch.
        data: What `check_data` lets pass.
        batch_size: Rows at a time; a dataset has its own.

    Returns:
        An `Embedded`.

    Raises:
        ValueError: If there are several outputs, or no axis of features.
    """
    run = _runner(backbone)
    features, labels, ends = [], [], [time.perf_counter()]
    for x, y in _batches(data, batch_size):
        features.append(_pooled(run(x)))
        labels.append(np.asarray(y))
        ends.append(time.perf_counter())
    if not features:
        raise ValueError("The dataset is empty. Expected at least one row.")
    sizes = [len(part) for part in features]
    seconds, rows = ends[-1] - ends[0], sum(sizes)
    steady, steady_rows = seconds, rows
    if len(sizes) > 1:
        steady, steady_rows = ends[-1] - ends[1], rows - sizes[0]
    return Embedded(
        np.concatenate(features),
        np.concatenate(labels),
        seconds,
        steady / steady_rows,
    )


def _runner(backbone):
    if not isinstance(backbone, keras.Layer):
        return backbone
    preprocessing = getattr(backbone, "preprocessing", None)
    prepare = preprocessing if callable(preprocessing) else (lambda x: x)
    # Relaxed shapes: the last batch, which is smaller, makes no new graph.
    return tf.function(
        lambda x: backbone(prepare(x), training=False), reduce_retracing=True
    )


def _batches(data, batch_size):
    if isinstance(data, ImageFolder):
        data = data.batches("train", batch_size)
    if isinstance(data, tf.data.Dataset):
        for batch in data:
            yield batch[0], batch[1]
        return
    x, y = tree.map_structure(np.asarray, data[0]), np.asarray(data[1])
    for start in range(0, len(y), batch_size):
        rows = slice(start, start + batch_size)
        yield tree.map_structure(lambda a, rows=rows: a[rows], x), y[rows]


def _pooled(outputs):
    if isinstance(outputs, (dict, list, tuple)):
        given = list(outputs) if isinstance(outputs, dict) else len(outputs)
        raise ValueError(
            "Expected one output, the features. Received several: "
            f"{given}. Load the backbone with `output_key=`, or give a "
            "function that picks one."
        )
    outputs = np.asarray(outputs)
    if outputs.ndim < 2:
        raise ValueError(
            "Expected features of shape (rows, ..., width). Received: shape "
            f"{outputs.shape}."
        )
    if outputs.ndim == 2:
        return outputs
    between = tuple(range(1, outputs.ndim - 1))
    return outputs.mean(axis=between, dtype="float32")
