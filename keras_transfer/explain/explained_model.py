"""A model as functions that can be differentiated: its logits, its layers.

Layers are found and read while the model runs, not in its graph. So nested,
Sequential and subclassed models are all the same, and no node is added to any
of them.
"""

import contextlib
import functools
import typing

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer.data import checks
from keras_transfer.data.model_outputs import plain_model
from keras_transfer.ops import scale_gradient
from keras_transfer.training import layer_tree
from keras_transfer.training import model_graph
from keras_transfer.training import recorded_layers

#: So that small gradients are not zero in float16.
_GRADIENT_SCALE = 1024.0

_ENDS = (keras.activations.softmax, keras.activations.sigmoid)


class SeenLayer(typing.NamedTuple):
    """A layer that ran once, and what came out of it for one row."""

    path: str
    layer: keras.layers.Layer
    inputs: typing.Any
    outputs: typing.Any


class ExplainedModel:
    """A classifier, or a model with one output column, and its inside.

    A softmax or sigmoid at the end of the model is left out while it runs
    here, so that outputs are logits. The model itself stays as it is.

    Args:
        model: A built `keras.Model` with one input and one output, or a
            trainer around one.
        inputs: Array of rows; the first one is run to see the layers.

    Attributes:
        model: The plain model.
        seen: List of `SeenLayer`, in the order in which they ended.
        columns: Number of columns of the model's output.
    """

    def __init__(self, model, inputs):
        self.model = checked_model(model)
        nodes = layer_tree.nodes(self.model)
        example = ops.convert_to_tensor(inputs[:1])
        self.seen, outputs = _look(self.model, nodes, example)
        if not tf.is_tensor(outputs) or len(outputs.shape) != 2:
            raise ValueError(
                "Expected a model with one output of shape (rows, classes). "
                f"Received: {_shapes(outputs)}. Make a model of the output, "
                "or the pooled output, that is meant."
            )
        self.columns = int(outputs.shape[-1])
        self._end = _activated_end(self.seen, outputs)
        halves = any(node.layer.compute_dtype == "float16" for node in nodes)
        self._scale = _GRADIENT_SCALE if halves else None

    def logits(self, inputs):
        """One float32 column for each class, two for a single output."""
        with self._linear_end():
            outputs = _run(self.model, self._entering(inputs))
        outputs = self._leaving(ops.cast(outputs, "float32"))
        if self.columns > 1:
            return outputs
        # What speaks against it, what speaks for it.
        return ops.concatenate([-outputs, outputs], axis=1)

    def outputs_of(self, seen, inputs):
        """What a layer returns inside of the model, as float32."""
        with recorded_layers.recorded([seen.layer]) as records:
            _run(self.model, inputs)
        return ops.cast(records[0][0].outputs, "float32")

    def logits_from(self, seen, inputs, values):
        """The logits if a layer returned the given values."""
        values = ops.cast(self._entering(values), seen.outputs.dtype)

        def given(stock):
            del stock  # what would have been computed
            return lambda *args, **kwargs: values

        with recorded_layers.replaced_call(seen.layer, given):
            return self.logits(inputs)

    def find(self, layer):
        """The `SeenLayer` of a name or path that ran once."""
        wanted = layer_tree.find_one(self.model, layer, "layer")
        for seen in self.seen:
            if seen.layer is wanted:
                return seen
        raise invalid_argument(
            "layer", layer, "a layer that the model calls exactly once"
        )

    def classes(self, inputs, labels, batch_size):
        """Labels as an int64 array `(rows,)`; by default the predicted ones.

        A single output without a sigmoid may be no class at all: it is
        explained as it is, which is label 1.
        """
        rows = len(inputs)
        if labels is not None:
            return _checked_labels(labels, rows, max(self.columns, 2))
        if self.columns == 1 and self._end is None:
            return np.ones(rows, "int64")
        return np.concatenate(
            [
                ops.convert_to_numpy(self.logits(batch)).argmax(axis=1)
                for batch in batches(inputs, batch_size)
            ]
        )

    def check_differentiable(self):
        """Refuses a model whose declared input stops every gradient."""
        declared = getattr(self.model, "inputs", None)
        if declared and not declared[0].dtype.startswith(("float", "bfloat")):
            raise ValueError(
                f"The model declares its input as {declared[0].dtype}, through "
                "which no gradient passes. Build it on "
                "keras.Input(shape, dtype='float32'); integer images may be "
                "passed all the same. Class activation maps work as it is."
            )

    def _entering(self, values):
        """The same values; their gradient is that of the unscaled logits."""
        if self._scale is None or not ops.is_tensor(values):
            return values
        is_float = keras.backend.is_float_dtype(values.dtype)
        return scale_gradient(values, 1 / self._scale) if is_float else values

    def _leaving(self, outputs):
        if self._scale is None:
            return outputs
        return scale_gradient(outputs, self._scale)

    def _linear_end(self):
        if self._end is None:
            return contextlib.nullcontext()
        if isinstance(self._end, keras.layers.Softmax):
            return recorded_layers.replaced_call(self._end, _passing)
        return _replaced_activation(self._end)


def checked_model(model):
    """The plain model, built and with one input."""
    model = plain_model(model)
    if not isinstance(model, keras.Model):
        raise invalid_argument("model", model, "a keras.Model")
    if not model.built:
        raise ValueError(
            f"The model {model.name!r} has no weights yet. Call it on a batch, "
            "or give it a keras.Input, first."
        )
    # A Sequential model has its own; a subclass may know of none.
    count = len(getattr(model, "inputs", None) or [None])
    if count != 1:
        raise ValueError(
            f"The model {model.name!r} has {count} inputs, and one is "
            "explained at a time. Make a model of the input that is meant, "
            "with the others held fixed."
        )
    return model


def checked_images(model, images):
    """Images as a float32 array `(rows, height, width, channels)`."""
    images = np.asarray(images) if not isinstance(images, dict) else images
    if isinstance(images, dict) or images.dtype.kind not in "biuf":
        kind = "a dict" if isinstance(images, dict) else images.dtype.name
        raise invalid_argument("images", kind, "one array of numbers")
    if images.ndim != 4 or not len(images):
        raise invalid_argument(
            "images",
            images.shape,
            "shape (rows, height, width, channels) with one row or more",
            "For one image pass image[None].",
        )
    declared = getattr(plain_model(model), "inputs", None)
    if declared and len(declared) == 1:
        shape = tuple(declared[0].shape)
        fits = len(shape) == 4 and all(
            size in (None, given)
            for size, given in zip(shape[1:], images.shape[1:], strict=True)
        )
        if not fits:
            raise invalid_argument(
                "images", images.shape, f"the shape {shape} of the model"
            )
    images = images.astype("float32")
    checks.check_finite(images, "The array of images")
    return images


def batches(rows, batch_size):
    """Blocks of rows, the last one maybe shorter."""
    if not isinstance(batch_size, int) or batch_size < 1:
        raise invalid_argument("batch_size", batch_size, "a positive integer")
    for start in range(0, len(rows), batch_size):
        yield rows[start : start + batch_size]


def _run(model, inputs):
    """The output of a model, which may be called with a list or a dict."""
    if model_graph.has_graph(model):
        structure = model_graph.inputs_of(model)
        inputs = keras.tree.pack_sequence_as(structure, [inputs])
    outputs = model(inputs, training=False)
    leaves = keras.tree.flatten(outputs)
    return leaves[0] if len(leaves) == 1 else outputs


def _look(model, nodes, example):
    """Runs one row; the layers that ran once, in the order of their end."""
    ended = []

    def noting(node, stock):
        def call(*args, **kwargs):
            outputs = stock(*args, **kwargs)
            inputs = args[0] if args else next(iter(kwargs.values()), None)
            ended.append(SeenLayer(*node, inputs, outputs))
            return outputs

        return call

    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.enter_context(
                recorded_layers.replaced_call(
                    node.layer, functools.partial(noting, node)
                )
            )
        outputs = _run(model, example)
    calls = [id(seen.layer) for seen in ended]
    once = [
        seen
        for seen in ended
        if calls.count(id(seen.layer)) == 1
        and not model_graph.has_graph(seen.layer)
        # Inside of a loop there is no value to take.
        and tf.is_tensor(seen.outputs)
        and not tf.is_symbolic_tensor(seen.outputs)
    ]
    return once, outputs


def _activated_end(seen, outputs):
    """The layer whose softmax or sigmoid ends the model, or `None`."""
    for entry in seen:
        if entry.outputs is outputs:
            is_softmax = isinstance(entry.layer, keras.layers.Softmax)
            activation = getattr(entry.layer, "activation", None)
            return entry.layer if is_softmax or activation in _ENDS else None
    return None


def _passing(stock):
    del stock
    return lambda inputs, *args, **kwargs: inputs


@contextlib.contextmanager
def _replaced_activation(layer):
    # Not by setattr, which Keras watches.
    stock = layer.__dict__["activation"]
    layer.__dict__["activation"] = keras.activations.linear
    try:
        yield
    finally:
        layer.__dict__["activation"] = stock


def _checked_labels(labels, rows, classes):
    labels = np.asarray(labels)
    if labels.ndim == 0:
        labels = np.full(rows, labels)
    if labels.shape != (rows,) or labels.dtype.kind not in "iu":
        raise invalid_argument(
            "labels",
            f"{labels.dtype.name} of shape {labels.shape}",
            f"{rows} class numbers, or one for all rows",
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise invalid_argument(
            "labels",
            [int(labels.min()), int(labels.max())],
            f"class numbers from 0 to {classes - 1}",
        )
    return labels.astype("int64")


def _shapes(outputs):
    leaves = keras.tree.flatten(outputs)
    return [tuple(getattr(leaf, "shape", ())) for leaf in leaves]
