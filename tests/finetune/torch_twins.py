"""Layers of PyTorch in NumPy: channels first, weights in PyTorch's order."""

import itertools
import math

import numpy as np


def linear(x, weight, bias=0.0):
    """`x @ weight.T + bias`."""
    return np.einsum("...i,oi->...o", x, weight) + bias


def convolve(x, weight, bias=None, strides=1, padding=0, groups=1):
    """Convolution with equal padding at both sides of each axis.

    Args:
        x: `(batch, channels, *sides)`.
        weight: `(filters, channels / groups, *kernel)`.
        bias: `(filters,)`.
        strides: Integer.
        padding: Integer.
        groups: Integer.
    """
    kernel = weight.shape[2:]
    axes = tuple(range(2, 2 + len(kernel)))
    widths = [(0, 0), (0, 0)] + [(padding, padding)] * len(kernel)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, widths), kernel, axes
    )
    steps = (slice(None, None, strides),) * len(kernel)
    windows = windows[(slice(None), slice(None), *steps)]
    # (batch, channels, *places, *kernel), against all but the filters.
    summed = [1, *range(windows.ndim - len(kernel), windows.ndim)]
    parts = [
        np.tensordot(part, filters, (summed, range(1, weight.ndim)))
        for part, filters in zip(
            np.split(windows, groups, 1), np.split(weight, groups), strict=True
        )
    ]
    result = np.moveaxis(np.concatenate(parts, -1), -1, 1)
    return result if bias is None else result + _channel(bias, result)


def convolve_transposed(x, weight, bias, strides):
    """Transposed convolution without padding: each value adds its kernel.

    Args:
        x: `(batch, channels, *sides)`.
        weight: `(channels, filters, *kernel)`.
        bias: `(filters,)`.
        strides: Integer.
    """
    kernel = weight.shape[2:]
    sides = [
        (side - 1) * strides + size
        for side, size in zip(x.shape[2:], kernel, strict=True)
    ]
    result = np.zeros((len(x), weight.shape[1], *sides))
    for place in itertools.product(*map(range, x.shape[2:])):
        window = tuple(
            slice(at * strides, at * strides + size)
            for at, size in zip(place, kernel, strict=True)
        )
        values = x[(slice(None), slice(None), *place)]
        result[(slice(None), slice(None), *window)] += np.tensordot(
            values, weight, 1
        )
    return result + _channel(bias, result)


def batch_norm(x, state, epsilon=1e-5):
    """Batch norm in evaluation, with a dict of PyTorch's four weights."""
    scale = state["weight"] / np.sqrt(state["running_var"] + epsilon)
    shift = state["bias"] - state["running_mean"] * scale
    return x * _channel(scale, x) + _channel(shift, x)


def max_pool(x, size, strides, padding):
    """Maximum over windows, padded with minus infinity."""
    widths = [(0, 0), (0, 0)] + [(padding, padding)] * 2
    x = np.pad(x, widths, constant_values=-math.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (2, 3))
    return windows[:, :, ::strides, ::strides].max((-2, -1))


def channels_last(x):
    return np.moveaxis(x, 1, -1)


def _channel(vector, x):
    return vector.reshape(-1, *[1] * (x.ndim - 2))


def norm_state(generator, width, prefix=""):
    """Random weights and running statistics of a batch norm."""
    return {
        f"{prefix}weight": generator.uniform(0.5, 1.5, width),
        f"{prefix}bias": generator.normal(size=width),
        f"{prefix}running_mean": generator.normal(size=width),
        f"{prefix}running_var": generator.uniform(0.5, 2.0, width),
        f"{prefix}num_batches_tracked": np.array(7),
    }
