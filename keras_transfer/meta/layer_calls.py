"""Calls of Keras layers that stand in for the stock ones during a pass.

The second derivatives of Keras' normalizations are wrong, see
`batch_moments.py`, and that of TensorFlow's max pooling is slow.
"""

import collections
import contextlib
import threading

import keras
import tensorflow as tf
from keras import ops

from keras_transfer.meta import batch_moments
from keras_transfer.ops.precision import at_least_float32

_current = threading.local()


class Pass:
    """One pass through a model.

    Attributes:
        batch_norm: Whether batch norm uses the statistics of the batch, or
            `None` for what the argument `training` says.
        watched: A layer whose inputs are noted, or `None`.
        calls: How often each batch norm has used those of the batch, by id.
        inputs: What the watched layer was last called with.
    """

    def __init__(self, batch_norm=None, watched=None):
        self.batch_norm = batch_norm
        self.watched = watched
        self.calls = collections.Counter()
        self.inputs = None


@contextlib.contextmanager
def replaced(layers, batch_norm=None, watched=None):
    """Lets the layers compute by the functions of this module for a while.

    Only calls from this thread inside the context are changed. The layers
    are left as they were found.

    Args:
        layers: All layers of a model.
        batch_norm: See `Pass`.
        watched: See `Pass`.

    Yields:
        The `Pass`.
    """
    outer = getattr(_current, "value", None)
    added = [layer for layer in layers if _install(layer, watched)]
    _current.value = Pass(batch_norm, watched)
    try:
        yield _current.value
    finally:
        _current.value = outer
        for layer in added:
            # An attribute of the object hid the method of its class.
            layer.__dict__.pop("call", None)


def _install(layer, watched):
    function = None
    if isinstance(layer, keras.layers.BatchNormalization):
        function = _other_batch_norm
    for kind, stand_in in _STAND_INS.items():
        # A subclass may compute something else, but only in its own `call`.
        if isinstance(layer, kind) and type(layer).call is kind.call:
            function = stand_in
    if layer is watched:
        function = _noted
    if function is None or "call" in layer.__dict__:
        return False
    stock = layer.call

    def call(*args, **kwargs):
        now = getattr(_current, "value", None)
        if now is None:  # another thread
            return stock(*args, **kwargs)
        return function(layer, now, stock, *args, **kwargs)

    # Not by setattr, which Keras watches.
    layer.__dict__["call"] = call
    return True


def uses_batch(layer, now, training):
    """Whether a batch norm takes its statistics from the batch."""
    if now.batch_norm is not None:
        training = now.batch_norm
    return bool(training and layer.trainable)


def batch_norm(layer, now, stock, inputs, training=None, mask=None):
    """`BatchNormalization` with an exact second derivative."""
    on_batch = uses_batch(layer, now, training)
    now.calls[id(layer)] += on_batch
    if mask is not None or layer.renorm or layer.synchronized:
        return stock(inputs, training=on_batch, mask=mask)
    x = at_least_float32(inputs)
    channels = layer.axis % len(x.shape)
    gamma = _broadcast(layer.gamma, x, [channels], 1.0)
    beta = _broadcast(layer.beta, x, [channels], 0.0)
    if on_batch:
        axes = [axis for axis in range(len(x.shape)) if axis != channels]
        outputs, mean, variance = batch_moments.normalized(
            x, gamma, beta, layer.epsilon, axes
        )
        _move(layer, layer.moving_mean, mean)
        _move(layer, layer.moving_variance, variance)
    else:
        mean = _broadcast(layer.moving_mean, x, [channels])
        variance = _broadcast(layer.moving_variance, x, [channels])
        scale = gamma * tf.math.rsqrt(variance + layer.epsilon)
        outputs = x * scale + (beta - mean * scale)
    return ops.cast(outputs, layer.compute_dtype)


def layer_norm(layer, now, stock, inputs):
    """`LayerNormalization` with an exact second derivative."""
    del now
    if layer.rms_scaling:
        return stock(inputs)
    x = at_least_float32(inputs)
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    axes = [axis % len(x.shape) for axis in axes]
    mean, variance = batch_moments.moments(x, axes)
    return _scaled(layer, x, mean, variance, axes)


def group_norm(layer, now, stock, inputs):
    """`GroupNormalization` with an exact second derivative."""
    del now, stock
    x = at_least_float32(inputs)
    channels = layer.axis % len(x.shape)
    sizes = [
        tf.shape(x)[axis] if size is None else size
        for axis, size in enumerate(x.shape)
    ]
    in_group = x.shape[channels] // layer.groups
    apart = [*sizes[:channels], layer.groups, in_group, *sizes[channels + 1 :]]
    axes = [axis for axis in range(1, len(apart)) if axis != channels]
    groups = tf.reshape(x, apart)
    # Repeated for the channels of a group, so that they fit the inputs.
    mean, variance = (
        tf.repeat(tf.squeeze(value, channels + 1), in_group, channels)
        for value in batch_moments.moments(groups, axes)
    )
    return _scaled(layer, x, mean, variance, [channels])


def _scaled(layer, x, mean, variance, axes):
    scale = tf.math.rsqrt(variance + layer.epsilon)
    scale *= _broadcast(layer.gamma, x, axes, 1.0)
    outputs = (x - mean) * scale + _broadcast(layer.beta, x, axes, 0.0)
    return ops.cast(outputs, layer.compute_dtype)


def _broadcast(variable, x, axes, default=None):
    """A variable of some axes of `x`, in a shape that broadcasts to it."""
    shape = [size if axis in axes else 1 for axis, size in enumerate(x.shape)]
    if variable is None:
        return tf.fill(shape, tf.constant(default, x.dtype))
    return ops.reshape(ops.cast(variable, x.dtype), shape)


def _move(layer, moving, value):
    value = tf.reshape(value, moving.shape)
    kept = ops.cast(moving, value.dtype) * layer.momentum
    moving.assign(kept + value * (1.0 - layer.momentum))


def max_pooling(layer, now, stock, inputs):
    """`MaxPooling2D` whose second derivative is fast."""
    del now
    windows = layer.pool_size
    size = inputs.shape[1:3]
    if (
        layer.padding != "valid"
        or layer.strides != windows
        or layer.data_format != "channels_last"
        or None in size
        or min(size[0] // windows[0], size[1] // windows[1]) == 0
    ):
        return stock(inputs)
    return _pool(inputs, windows)


def _pool(x, windows):
    settings = {
        "ksize": [1, *windows, 1],
        "strides": [1, *windows, 1],
        "padding": "VALID",
    }

    @tf.custom_gradient
    def pool(x):
        largest = tf.nn.max_pool2d(x, windows, windows, "VALID")

        def gradient(upstream):
            # The first derivative is TensorFlow's, which puts the gradient
            # where the largest value is; its own derivative takes what lies
            # there.
            @tf.custom_gradient
            def put(upstream):
                return (
                    tf.raw_ops.MaxPoolGrad(
                        orig_input=x,
                        orig_output=largest,
                        grad=upstream,
                        **settings,
                    ),
                    lambda values: at_largest(x, values, windows),
                )

            return put(upstream)

        return largest, gradient

    return pool(x)


def at_largest(x, values, windows):
    """Of each window of `x`, the value that stands where `x` is largest.

    Of equal ones the first in the order of rows counts, as in TensorFlow.
    """
    rows, columns = windows
    height, width, filters = x.shape[1:]
    high, wide = height // rows, width // columns

    def cut(tensor):
        tensor = tensor[:, : high * rows, : wide * columns]
        return tf.reshape(tensor, [-1, high, rows, wide, columns, filters])

    # Along each line of a window, then over its lines.
    largest, chosen = _first_largest(cut(x), cut(values), axis=4)
    return _first_largest(largest, chosen, axis=2)[1]


def _first_largest(x, values, axis):
    largest, chosen = None, None
    for here, value in zip(
        tf.unstack(x, axis=axis), tf.unstack(values, axis=axis), strict=True
    ):
        if largest is None:
            largest, chosen = here, value
        else:
            chosen = tf.where(largest >= here, chosen, value)
            largest = tf.maximum(largest, here)
    return largest, chosen


def _noted(layer, now, stock, inputs, **kwargs):
    del layer
    now.inputs = inputs
    return stock(inputs, **kwargs)


def _other_batch_norm(layer, now, stock, inputs, training=None, **kwargs):
    on_batch = uses_batch(layer, now, training)
    now.calls[id(layer)] += on_batch
    return stock(inputs, training=on_batch, **kwargs)


_STAND_INS = {
    keras.layers.BatchNormalization: batch_norm,
    keras.layers.GroupNormalization: group_norm,
    keras.layers.LayerNormalization: layer_norm,
    keras.layers.MaxPooling2D: max_pooling,
}
