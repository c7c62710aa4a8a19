"""Identity functions that change only the gradient."""

from keras import ops


def scale_gradient(x, scale):
    """Returns `x` unchanged and multiplies its gradient by `scale`.

    Formula:

        y = stop_gradient(x) + scale * (x - stop_gradient(x))

    The bracket is exactly zero, so the forward pass is exact for every finite
    `x`. It needs no custom gradient: it differentiates twice, compiles with
    XLA, exports to a SavedModel and runs on every Keras backend.

    Args:
        x: Float tensor of any shape. Infinite entries become NaN.
        scale: Number or scalar tensor; it receives no gradient of its own.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import keras
    >>> from keras_transfer import ops
    >>> x = keras.ops.array([1.0, 2.0])
    >>> ops.scale_gradient(x, 0.5).shape
    TensorShape([2])
    """
    x = ops.convert_to_tensor(x)
    fixed = ops.stop_gradient(x)
    scale = ops.stop_gradient(ops.cast(scale, x.dtype))
    return fixed + scale * (x - fixed)


def reverse_gradient(x, strength=1.0):
    """Returns `x` unchanged and multiplies its gradient by `-strength`.

    Formula:

        R(x) = x,    dR/dx = -strength * I

    Args:
        x: Float tensor of any shape.
        strength: Number or scalar tensor, the paper's lambda.

    Returns:
        Tensor of the shape and dtype of `x`.

    Example:

    >>> import keras
    >>> from keras_transfer import ops
    >>> ops.reverse_gradient(keras.ops.ones((2, 3)), strength=0.3).shape
    TensorShape([2, 3])

    Reference:

    - [Ganin et al., 2016, Domain-Adversarial Training of Neural Networks,
      JMLR 17(59), eq. 17-18](https://arxiv.org/abs/1505.07818)
    """
    return scale_gradient(x, -ops.convert_to_tensor(strength))
