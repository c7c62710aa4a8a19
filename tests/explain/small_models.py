"""Models that the tests of maps look into, small and untrained."""

import keras
import numpy as np

SIZE = 12
CLASSES = 4


def images(rows=3, channels=1, seed=0):
    """Uint8 images `(rows, 12, 12, channels)`."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (rows, SIZE, SIZE, channels)).astype("uint8")


def convolutional(end=None, classes=CLASSES, channels=1):
    """Rescaling, two convolutions, a dense head with an activation."""
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, channels))
    x = layers.Rescaling(1 / 255.0)(inputs)
    x = layers.Conv2D(5, 3, activation="relu", name="first")(x)
    x = layers.Conv2D(6, 3, activation="relu", name="second")(x)
    x = layers.Flatten()(x)
    outputs = layers.Dense(classes, activation=end, name="head")(x)
    return keras.Model(inputs, outputs)


def nested(kind="functional"):
    """The same functions as `convolutional()`, nested in several ways."""
    plain = convolutional()
    first, second, head = (
        plain.get_layer(name) for name in ("first", "second", "head")
    )
    layers = keras.layers
    if kind == "subclassed":
        model = _Subclassed(first, second, head)
        model(np.zeros((1, SIZE, SIZE, 1), "float32"))
        return plain, model
    backbone = keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), layers.Rescaling(1 / 255.0)]
        + [first, second],
        name="backbone",
    )
    if kind == "functional":
        backbone = keras.Model(
            backbone.inputs[0], backbone.outputs[0], name="backbone"
        )
    if kind == "sequential":
        return plain, keras.Sequential(
            [keras.Input((SIZE, SIZE, 1)), backbone, layers.Flatten(), head]
        )
    inputs = keras.Input((SIZE, SIZE, 1))
    return plain, keras.Model(inputs, head(layers.Flatten()(backbone(inputs))))


@keras.saving.register_keras_serializable("tests")
class _Subclassed(keras.Model):
    def __init__(self, first, second, head):
        super().__init__()
        self.first = first
        self.second = second
        self.head = head

    def call(self, inputs):
        maps = self.second(self.first(inputs / 255.0))
        return self.head(keras.ops.reshape(maps, (-1, 8 * 8 * 6)))


def convolution(x, kernel, bias):
    """A valid convolution of `(rows, height, width, channels)`, by loops."""
    size = kernel.shape[0]
    height, width = x.shape[1] - size + 1, x.shape[2] - size + 1
    out = np.zeros((len(x), height, width, kernel.shape[-1]))
    for row in range(height):
        for column in range(width):
            patch = x[:, row : row + size, column : column + size]
            out[:, row, column] = np.tensordot(patch, kernel, 3) + bias
    return out


class Twin:
    """`convolutional()` in NumPy float64: maps, logits and gradients.

    The head is linear in the maps, so that the gradient of a logit with
    respect to them is a column of its kernel.
    """

    def __init__(self, model):
        weights = [np.asarray(w, "float64") for w in model.get_weights()]
        self.first, self.second, self.head = zip(
            weights[::2], weights[1::2], strict=True
        )

    def maps(self, pixels):
        x = np.maximum(convolution(pixels / 255.0, *self.first), 0)
        return np.maximum(convolution(x, *self.second), 0)

    def logits(self, pixels):
        maps = self.maps(pixels)
        return maps.reshape(len(maps), -1) @ self.head[0] + self.head[1]

    def gradients(self, pixels, labels):
        """Of the labels' logits with respect to the maps."""
        shape = self.maps(pixels).shape
        return self.head[0].T[labels].reshape(shape)

    def slopes(self, pixels, label):
        """Of a logit of one image with respect to the pixels, by differences.

        Args:
            pixels: `(12, 12, 1)`.
            label: Class number.
        """
        moved = pixels + 1e-4 * np.eye(pixels.size).reshape(-1, *pixels.shape)
        changes = self.logits(moved) - self.logits(pixels[None])
        return changes[:, label].reshape(pixels.shape[:2]) / 1e-4


def enlarged(maps, size=SIZE):
    """Bilinear, corners on corners, by the formula; divided by the largest."""
    rows, height, width = maps.shape
    out = np.zeros((rows, size, size))
    for i in range(size):
        for j in range(size):
            y, x = i * (height - 1) / (size - 1), j * (width - 1) / (size - 1)
            top, left = min(int(y), height - 2), min(int(x), width - 2)
            dy, dx = y - top, x - left
            out[:, i, j] = (
                (1 - dy) * (1 - dx) * maps[:, top, left]
                + (1 - dy) * dx * maps[:, top, left + 1]
                + dy * (1 - dx) * maps[:, top + 1, left]
                + dy * dx * maps[:, top + 1, left + 1]
            )
    largest = out.max(axis=(1, 2), keepdims=True)
    return out / np.where(largest > 0, largest, 1.0)
