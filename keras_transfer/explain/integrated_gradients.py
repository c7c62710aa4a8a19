"""Integrated gradients: what each input adds to a logit over a baseline."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer.data import checks
from keras_transfer.explain import explained_model


def integrated_gradients(
    model,
    inputs,
    labels=None,
    baseline=None,
    steps=50,
    batch_size=32,
    layer=None,
):
    """Splits a logit, less that of a baseline, among the inputs.

    Formula:

        attribution_i = (x_i - b_i) * integral from 0 to 1 of
                        d logit / d x_i at b + t * (x - b)  dt

    The attributions of a row sum to `logit(x) - logit(b)` (completeness), up
    to the error of the integral, which falls with `steps`.

    Rows of a table and images are attributed to as they are. Of a text model
    the inputs are token numbers, or strings, that have no gradient: there the
    path runs through the outputs of the embedding layer, and the attribution
    of a token is the sum over the width of its embedding.

    Note: the integral is taken at Gauss-Legendre points; equation 3 of the
    paper takes equal steps, which need more of them.

    Bad at: baselines that mean something. Zero is a black image, an average
    row of standardised columns, a token without meaning; another baseline
    gives other attributions. Columns that depend on each other share what
    either would explain.

    Args:
        model: A built `keras.Model` with one input and one output `(rows,
            classes)`, or a trainer around one.
        inputs: Array `(rows, ...)`.
        labels: Class numbers `(rows,)`, or one for all; by default the
            predicted classes. A model with one output column is explained by
            that column, for the class 1; 0 is its negative.
        baseline: Array of a row, of all rows, or a number, by default zero:
            for tokens, token numbers, by default embeddings of zero.
        steps: Number of points on the path.
        batch_size: Points at a time.
        layer: Name or path of the layer to attribute to; by default the
            first `Embedding` for integers and strings, if there is one.

    Returns:
        Float32 of the shape of the inputs, or `(rows, tokens)`; in units of
        the logit.

    Raises:
        ValueError: If the model has several inputs or outputs, no gradient
            passes to its inputs, or an argument does not fit.

    Example:

    >>> import keras, numpy
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([
    ...     keras.Input((3,)),
    ...     keras.layers.Dense(1, kernel_initializer="ones")])
    >>> explain.integrated_gradients(model, numpy.array([[1.0, 2.0, -4.0]]))
    array([[ 1.,  2., -4.]], dtype=float32)

    Reference:

    - [Sundararajan et al., 2017, Axiomatic Attribution, eq. 1 and 3](
      https://arxiv.org/abs/1703.01365)
    """
    if not isinstance(steps, int) or steps < 1:
        raise invalid_argument("steps", steps, "a positive integer")
    inputs = _checked_inputs(inputs)
    explained = explained_model.ExplainedModel(model, inputs)
    labels = explained.classes(inputs, labels, batch_size)
    seen = _embedding(explained, inputs, layer)
    if seen is None:
        inputs = inputs.astype("float32")
        explained.check_differentiable()
        ends = inputs
        starts = _rows_like(inputs, 0.0 if baseline is None else baseline)
    else:
        ends = _outputs_of(explained, seen, inputs, batch_size)
        starts = np.zeros_like(ends)
        if baseline is not None:
            tokens = _rows_like(inputs, baseline)
            starts = _outputs_of(explained, seen, tokens, batch_size)
    path = _Path(explained, seen, inputs, starts, ends, labels)
    found = path.attributions(steps, batch_size)
    return (found if seen is None else found.sum(axis=-1)).astype("float32")


class _Path:
    """The straight lines from the baselines to the rows."""

    def __init__(self, explained, seen, inputs, starts, ends, labels):
        self._explained = explained
        self._seen = seen
        self._inputs = inputs
        self._starts = starts
        self._ways = ends - starts
        self._labels = labels

    def attributions(self, steps, batch_size):
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        positions, weights = (nodes + 1) / 2, weights / 2
        total = np.zeros(self._ways.shape, "float64")
        # Points of several rows fill a batch together.
        points = np.arange(len(self._ways) * steps)
        for batch in explained_model.batches(points, batch_size):
            rows, step = np.divmod(batch, steps)
            per_row = (len(batch),) + (1,) * (self._ways.ndim - 1)
            moved = positions[step].reshape(per_row) * self._ways[rows]
            values = (self._starts[rows] + moved).astype("float32")
            found = self._gradients(values, rows)
            np.add.at(total, rows, weights[step].reshape(per_row) * found)
        return total * self._ways

    def _gradients(self, values, rows):
        values = tf.convert_to_tensor(values)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            logits = self._logits(values, rows)
            chosen = tf.gather(logits, self._labels[rows], axis=1, batch_dims=1)
        found = tape.gradient(chosen, values)
        if found is None:
            raise ValueError(
                "No gradient passes from the outputs of the model "
                f"{self._explained.model.name!r} to its inputs. Pass layer= "
                "with the name of the layer to attribute to."
            )
        return ops.convert_to_numpy(found)

    def _logits(self, values, rows):
        if self._seen is None:
            return self._explained.logits(values)
        inputs = tf.convert_to_tensor(self._inputs[rows])
        return self._explained.logits_from(self._seen, inputs, values)


def _checked_inputs(inputs):
    if isinstance(inputs, (dict, tuple)):
        raise invalid_argument(
            "inputs",
            type(inputs).__name__,
            "one array of rows",
            "Make a model of one input, as columns side by side.",
        )
    inputs = np.asarray(inputs)
    if inputs.ndim < 1 or not len(inputs) or inputs.dtype.kind not in "biufSUO":
        raise invalid_argument(
            "inputs",
            f"{inputs.dtype.name} of shape {inputs.shape}",
            "an array of one row or more",
        )
    if inputs.dtype.kind == "f":
        inputs = inputs.astype("float32")
        checks.check_finite(inputs, "The array of inputs")
    return inputs


def _embedding(explained, inputs, layer):
    """The layer that is attributed to, or `None` for the inputs."""
    if layer is not None:
        return explained.find(layer)
    if inputs.dtype.kind == "f":
        return None
    for seen in explained.seen:
        if isinstance(seen.layer, keras.layers.Embedding):
            return seen
    if inputs.dtype.kind in "SUO":
        raise invalid_argument(
            "layer",
            layer,
            "the name of the layer that makes numbers of the strings",
        )
    return None


def _rows_like(inputs, baseline):
    """The baseline for every row, in the dtype of the inputs."""
    baseline = np.asarray(baseline)
    try:
        rows = np.broadcast_to(baseline, inputs.shape)
    except ValueError:
        raise invalid_argument(
            "baseline",
            baseline.shape,
            f"a number, or the shape {inputs.shape[1:]} or {inputs.shape}",
        ) from None
    return np.array(rows, inputs.dtype)


def _outputs_of(explained, seen, inputs, batch_size):
    return np.concatenate(
        [
            ops.convert_to_numpy(
                explained.outputs_of(seen, tf.convert_to_tensor(batch))
            )
            for batch in explained_model.batches(inputs, batch_size)
        ]
    )
