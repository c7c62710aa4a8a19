"""A larger convolution kernel, same function."""

import numbers

from keras import layers

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.morphism.rebuild import Edit
from keras_transfer.finetune.morphism.rebuild import morph
from keras_transfer.finetune.morphism.variable_steps import Pad

#: The weight whose first axes are the kernel's.
_KERNELS = {
    layers.Conv1D: "kernel",
    layers.Conv2D: "kernel",
    layers.Conv3D: "kernel",
    layers.DepthwiseConv1D: "kernel",
    layers.DepthwiseConv2D: "kernel",
    layers.SeparableConv1D: "depthwise_kernel",
    layers.SeparableConv2D: "depthwise_kernel",
}


def grow_kernel(model, layer, size, carry_optimizer=False):
    """Gives a convolution a larger kernel, so that the model computes the same.

    The old kernel stands in the new one, among zeros:

        K'[o + i] = K[i],  K' = 0 elsewhere

    The offset o is by how much more `padding="same"` puts before the inputs
    for the new size. This is half of the difference if that is even and the
    stride is not larger than the old kernel; else it may depend on the size
    of the inputs. `"causal"` puts all of it before.

    Bad at: speed; a kernel of 5 x 5 costs 2.8 times one of 3 x 3.

    Args:
        model: A built Functional or Sequential model. It is not changed.
        layer: Name of a convolution, depthwise or separable ones and those
            with groups among them, with `"same"` or `"causal"` padding;
            `"backbone/conv_1"` for one in a model inside the model.
        size: New size of the kernel, an integer or one for each axis.
        carry_optimizer: Whether the new model is compiled as the old one is,
            with the optimizer's state, which is zero for what is new.

    Returns:
        A new model; not compiled, unless `carry_optimizer` says so.

    Raises:
        ValueError: If there is no such layer, or no place for the old kernel
            that is right for all inputs.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((8, 8, 3)),
    ...         keras.layers.Conv2D(4, 3, padding="same", name="conv"),
    ...     ]
    ... )
    >>> grown = kt.finetune.grow_kernel(model, "conv", 5)
    >>> grown.get_layer("conv").kernel_size
    (5, 5)
    >>> x = np.ones((2, 8, 8, 3), "float32")
    >>> bool(np.allclose(grown(x), model(x), atol=1e-5))
    True

    Reference:

    - [Wei, Wang, Rui & Chen, 2016, Network Morphism, "kernel
      size morphing"](https://arxiv.org/abs/1603.01670)
    """

    def edit(graph, name):
        operation = graph.find(name, "layer")
        _check(operation, name)
        old = tuple(operation.kernel_size)
        new = _sizes(size, old)
        inputs = [call.inputs[0].shape for call in graph.calls[name]]
        kernel = getattr(operation, _KERNELS[type(operation)])
        steps = []
        for axis in range(len(old)):
            lengths = {shape[1 + axis] for shape in inputs}
            offset = _offset(operation, axis, new[axis], lengths)
            rest = new[axis] - old[axis] - offset
            steps.append(Pad(axis, offset, rest))
        return Edit(
            configs={name: {"kernel_size": new}},
            steps={name: {id(kernel): steps}},
        )

    return morph(model, layer, edit, carry_optimizer)


def _check(operation, name):
    if type(operation) not in _KERNELS:
        raise invalid_argument("layer", name, "the name of a convolution")
    if operation.padding == "valid":
        raise invalid_argument(
            "layer",
            name,
            "a convolution with 'same' or 'causal' padding",
            "Without padding a larger kernel makes smaller outputs.",
        )
    if operation.data_format == "channels_first":
        raise invalid_argument(
            "layer", name, "a convolution with its channels last"
        )


def _sizes(size, old):
    is_one = isinstance(size, numbers.Integral) and not isinstance(size, bool)
    sizes = (size,) * len(old) if is_one else size
    if (
        not isinstance(sizes, list | tuple)
        or len(sizes) != len(old)
        or not all(isinstance(one, numbers.Integral) for one in sizes)
        or any(one < before for one, before in zip(sizes, old, strict=True))
        or tuple(sizes) == old
    ):
        raise invalid_argument(
            "size", size, f"an integer above, or a list of them for, {old}"
        )
    return tuple(int(one) for one in sizes)


def _offset(operation, axis, new, lengths):
    """Where the old kernel begins in the new one, along one axis."""
    old = operation.kernel_size[axis]
    if operation.padding == "causal":
        return new - old
    stride, dilation = operation.strides[axis], operation.dilation_rate[axis]
    if None in lengths:
        # The padding depends on the length by its rest alone.
        lengths = range(1, stride + 1)
    shifts = {
        _padding_before(length, new, stride, dilation)
        - _padding_before(length, old, stride, dilation)
        for length in lengths
    }
    shift = shifts.pop()
    if shifts or shift % dilation or not 0 <= shift // dilation <= new - old:
        raise invalid_argument(
            "size",
            new,
            "one for which the kernel of layer "
            f"{operation.name!r} keeps its place in inputs of every length",
            "One that is larger by an even number does, unless the stride is "
            "larger than the old kernel; inputs of a fixed size help, too.",
        )
    return shift // dilation


def _padding_before(length, size, stride, dilation):
    """Zeros before the inputs under `padding="same"`."""
    outputs = -(-length // stride)
    covered = (outputs - 1) * stride + (size - 1) * dilation + 1
    return max(covered - length, 0) // 2
