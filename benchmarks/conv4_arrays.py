"""Weights and data of the networks of four blocks, the same for all sides.

Four times 3x3 convolution with 64 filters, without bias, batch norm and ReLU,
on images (28, 28, 1):

- `stride`: convolutions of stride 2, then the mean over positions;
- `pool`: 2x2 max-pooling at the end of each block;
- `pool_first`: the same, pooled before the ReLU, which is the same function
  for less work.

A dense layer follows if there are classes. Neither framework is imported.
"""

import numpy as np

FILTERS = 64
BLOCKS = 4
#: Of batch norm; the frameworks' defaults differ.
EPSILON = 1e-3


def weights(seed, classes=None):
    """The trainable variables in Keras' order and layout."""
    generator = np.random.default_rng(seed)
    values, channels = [], 1
    for _ in range(BLOCKS):
        limit = np.sqrt(6 / (9 * (channels + FILTERS)))
        shape = (3, 3, channels, FILTERS)
        values += [
            generator.uniform(-limit, limit, shape),
            generator.uniform(0.8, 1.2, FILTERS),
            generator.uniform(-0.2, 0.2, FILTERS),
        ]
        channels = FILTERS
    if classes:
        limit = np.sqrt(6 / (FILTERS + classes))
        values += [
            generator.uniform(-limit, limit, (FILTERS, classes)),
            np.zeros(classes),
        ]
    return [value.astype("float32") for value in values]


def episodes(seed, number, ways, shots, queries):
    """Episodes that cannot be learnt by heart: drawings with much noise.

    Returns:
        Dict of float32 images `(number, rows, 28, 28, 1)` `xs`, `xq` and int32
        labels `(number, rows)` `ys`, `yq`, class after class.
    """
    generator = np.random.default_rng(seed)
    drawings = generator.random((number, ways, 1, 28, 28, 1)) > 0.8
    arrays = {}
    for name, rows in (("s", shots), ("q", queries)):
        noise = generator.random((number, ways, rows, 28, 28, 1)) < 0.3
        images = 0.8 * np.logical_xor(drawings, noise)
        # No two patches are equal: one rounded to the other side of a ReLU
        # would take many with it.
        images += 0.2 * generator.random(images.shape)
        arrays[f"x{name}"] = images.reshape(
            number, ways * rows, 28, 28, 1
        ).astype("float32")
        arrays[f"y{name}"] = np.tile(
            np.repeat(np.arange(ways, dtype="int32"), rows), (number, 1)
        )
    return arrays


def to_torch(values, kind):
    """Keras' variables as PyTorch has them.

    For `stride`, kernels and images are turned upside down and left to right:
    of even sizes Keras pads a strided convolution at the end, PyTorch at the
    beginning. Turned, both compute the same with their stock layers.
    """
    return [_layout(value, (3, 2, 0, 1), kind) for value in values]


def from_torch(values, kind):
    """The way back, for gradients."""
    return [_layout(value, (2, 3, 1, 0), kind) for value in values]


def images_to_torch(images, kind):
    """`(..., 28, 28, 1)`, turned for `stride`, as `(..., 1, 28, 28)`."""
    if kind == "stride":
        images = np.flip(images, (-3, -2))
    return np.ascontiguousarray(np.moveaxis(images, -1, -3))


def _layout(value, axes, kind):
    if value.ndim == 4:
        value = np.transpose(value, axes)
        if kind == "stride":
            value = np.flip(value, (2, 3) if axes[0] == 3 else (0, 1))
        return np.ascontiguousarray(value)
    return np.ascontiguousarray(value.T)
