"""torchvision's residual networks in NumPy: names, shapes and forward pass."""

import numpy as np

from tests.finetune import torch_twins

COUNTS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


def state_dict(depth, generator, classes=10):
    """Random weights with torchvision's names, in float32.

    Running statistics are not those of a new network.
    """
    state = {}

    def convolution(name, norm, before, after, size):
        weight = generator.normal(size=(after, before, size, size))
        state[f"{name}.weight"] = weight / np.sqrt(weight[0].size / 2)
        values = torch_twins.norm_state(generator, after, f"{norm}.")
        values[f"{norm}.running_mean"] *= 0.2
        state.update(values)

    convolution("conv1", "bn1", 3, 64, 7)
    before = 64
    for name, width, after, stride in _blocks(depth):
        for index, (size, a, b, _) in enumerate(
            _steps(depth, before, width, after, stride), 1
        ):
            convolution(f"{name}.conv{index}", f"{name}.bn{index}", a, b, size)
        if stride > 1 or before != after:
            names = f"{name}.downsample.0", f"{name}.downsample.1"
            convolution(*names, before, after, 1)
        before = after
    state["fc.weight"] = generator.normal(size=(classes, before)) / 20
    state["fc.bias"] = generator.normal(size=classes)
    return {
        name: value if "num_batches" in name else value.astype("float32")
        for name, value in state.items()
    }


def forward(depth, state, images):
    """The logits for images with channels first."""
    x = _normed(state, images, "conv1", "bn1", 2, 3)
    x = torch_twins.max_pool(np.maximum(x, 0), 3, 2, 1)
    for name, width, after, stride in _blocks(depth):
        shortcut = x
        steps = _steps(depth, x.shape[1], width, after, stride)
        for index, (size, _, _, strides) in enumerate(steps, 1):
            names = f"{name}.conv{index}", f"{name}.bn{index}"
            x = _normed(state, x, *names, strides, size // 2)
            if index < len(steps):
                x = np.maximum(x, 0)
        if f"{name}.downsample.0.weight" in state:
            names = f"{name}.downsample.0", f"{name}.downsample.1"
            shortcut = _normed(state, shortcut, *names, stride, 0)
        x = np.maximum(x + shortcut, 0)
    pooled = x.mean((2, 3))
    return torch_twins.linear(pooled, state["fc.weight"], state["fc.bias"])


def _blocks(depth):
    times = 4 if depth >= 50 else 1
    for stage, count in enumerate(COUNTS[depth]):
        width = 64 * 2**stage
        for index in range(count):
            stride = 2 if stage and not index else 1
            yield f"layer{stage + 1}.{index}", width, width * times, stride


def _steps(depth, before, width, after, stride):
    """Kernel size, channels in and out, and stride of each convolution."""
    if depth < 50:
        return (3, before, width, stride), (3, width, width, 1)
    return (
        (1, before, width, 1),
        (3, width, width, stride),
        (1, width, after, 1),
    )


def _normed(state, x, name, norm, strides, padding):
    x = torch_twins.convolve(x, state[f"{name}.weight"], None, strides, padding)
    values = {
        key.removeprefix(f"{norm}."): value
        for key, value in state.items()
        if key.startswith(f"{norm}.")
    }
    return torch_twins.batch_norm(x, values)
