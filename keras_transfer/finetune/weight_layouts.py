"""How the axes of PyTorch's weights stand in Keras.

| layer | PyTorch | Keras |
|---|---|---|
| dense | (out, in) | (in, out) |
| convolution | (out, in / groups, *kernel) | (*kernel, in / groups, out) |
| transposed convolution | (in, out, *kernel) | (*kernel, out, in) |
| depthwise convolution | (in * times, 1, *kernel) | (*kernel, in, times) |

Norms, biases and embeddings are as they are. What follows a flattened map has
its features in the order channels, rows, columns there and rows, columns,
channels here.
"""

import math
from typing import NamedTuple

from keras_transfer.finetune import weight_entries
from keras_transfer.finetune.weight_entries import NORMS

#: Of all its norm layers; Keras has 1e-3.
TORCH_EPSILON = 1e-5
_KERNELS = {1: "L", 2: "HW", 3: "DHW"}


class Layout(NamedTuple):
    """Steps that turn an array of PyTorch into one of Keras.

    Attributes:
        note: The steps in words, or `""` for none.
        shape: Shape of the result.
        steps: Tuple of `(method of an array, argument)`.
    """

    note: str
    shape: tuple
    steps: tuple = ()

    def turned(self, array):
        """The array in Keras' order."""
        for method, argument in self.steps:
            array = getattr(array, method)(argument)
        return array


class UnfitError(ValueError):
    """A weight that cannot stand where it is to go; its text says why."""


def layout_of(source, target):
    """Finds how a weight is turned for the place where it goes.

    Args:
        source: A `Weight`.
        target: The `Weight` of a model that gets it.

    Returns:
        A `Layout`; its shape need not be the target's.

    Raises:
        UnfitError: If there is no way to turn it.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_transfer.finetune import weight_entries
    >>> from keras_transfer.finetune.weight_layouts import layout_of
    >>> model = keras.Sequential(
    ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 5)]
    ... )
    >>> targets, _ = weight_entries.weights_of_model(model)
    >>> sources = weight_entries.weights_of_arrays(
    ...     {"conv.weight": np.ones((4, 3, 5, 5))}
    ... )
    >>> layout = layout_of(sources[0], targets[0])
    >>> layout.note, layout.shape
    ('OIHW to HWIO', (5, 5, 3, 4))
    """
    shape = source.shape
    if not source.is_torch:
        return Layout("", shape)
    if target.torch_role is None and len(shape) > 1:
        kind = type(target.layer).__name__
        raise UnfitError(f"its axes in a {kind} of Keras are not known")
    is_norm = isinstance(target.layer, NORMS)
    is_kernel = target.role == "kernel"
    if target.flattened and (is_norm or (is_kernel and len(shape) == 2)):
        return _after_a_map(shape, target.flattened)
    if not is_kernel:
        return Layout("", shape)
    spatial = len(target.shape) - 2
    if len(shape) != spatial + 2:
        raise UnfitError(f"its {len(shape)} axes are not {spatial + 2}")
    if spatial == 0:
        return _transposed("OI to IO", shape, (1, 0))
    kernel = tuple(range(2, 2 + spatial))
    letters = _KERNELS[spatial]
    if isinstance(target.layer, weight_entries.DEPTHWISE):
        return _depthwise(shape, target.shape[-1], letters)
    if isinstance(target.layer, weight_entries.TRANSPOSED):
        note = f"IO{letters} to {letters}OI"
    else:
        note = f"OI{letters} to {letters}IO"
    return _transposed(note, shape, (*kernel, 1, 0))


def epsilon_warnings(pairs):
    """Says where norm layers divide by something else than in the source.

    Args:
        pairs: List of `(source, target)`, each a `Weight`.

    Returns:
        List of sentences, one for each pair of values.
    """
    found = {}
    for source, target in pairs:
        if not isinstance(target.layer, NORMS):
            continue
        if source.is_torch:
            expected = TORCH_EPSILON
        elif isinstance(source.layer, NORMS):
            expected = source.layer.epsilon
        else:
            continue
        if not math.isclose(target.layer.epsilon, expected, rel_tol=1e-3):
            names = found.setdefault((target.layer.epsilon, expected), {})
            names[target.part] = None
    return [
        f"epsilon is {here:g} and was {there:g} in {_listed(list(names))}"
        for (here, there), names in found.items()
    ]


def _listed(names):
    if len(names) <= 3:
        return ", ".join(names)
    return f"{', '.join(names[:3])} and {len(names) - 3} more layers"


def _transposed(note, shape, axes):
    return Layout(
        note, tuple(shape[axis] for axis in axes), (("transpose", axes),)
    )


def _depthwise(shape, times, letters):
    if shape[1] != 1 or shape[0] % times:
        raise UnfitError(
            f"it is no depthwise kernel with {times} outputs for each channel"
        )
    split = (shape[0] // times, times, *shape[2:])
    axes = (*range(2, len(shape)), 0, 1)
    return Layout(
        f"C1{letters} to {letters}C",
        (*shape[2:], *split[:2]),
        (("reshape", split), ("transpose", axes)),
    )


def _after_a_map(shape, flattened):
    """Puts features of a map from channels first to channels last."""
    *spatial, channels = flattened
    width = math.prod(flattened)
    # A kernel's features are its last axis there; a norm has no other axis.
    if shape[-1] != width:
        raise UnfitError(
            f"its {shape[-1]} inputs are not the {width} of the flattened map "
            f"{flattened}"
        )
    outputs = shape[:-1]
    axes = (*range(2, 2 + len(spatial)), 1, 0)
    split = (math.prod(outputs), channels, *spatial)
    return Layout(
        "channels first to last",
        (width, *outputs),
        (
            ("reshape", split),
            ("transpose", axes),
            ("reshape", (width, *outputs)),
        ),
    )
