"""Small networks with random weights, and random networks by seed."""

import keras
import numpy as np
from keras import layers


def randomized(model, seed=0):
    """Gives all weights random values, moving statistics too."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        value = generator.normal(size=weight.shape) * 0.5
        if "variance" in weight.path:
            value = np.abs(value) + 0.2
        weight.assign(value)
    return model


def inputs_of(model, rows=3, seed=0):
    """Random inputs for a model with one input of a fixed size."""
    generator = np.random.default_rng(seed)
    shape = (rows, *model.inputs[0].shape[1:])
    return generator.normal(size=shape).astype("float32")


def difference(one, other, inputs=None):
    """Largest difference of outputs, relative to their size."""
    inputs = inputs_of(one) if inputs is None else inputs
    answers = [
        [np.asarray(part, "float64") for part in keras.tree.flatten(m(inputs))]
        for m in (one, other)
    ]
    largest = [
        np.abs(theirs - ours).max() / max(1.0, np.abs(ours).max())
        for ours, theirs in zip(*answers, strict=True)
    ]
    return max(largest)


def perceptron(width=5):
    """Two hidden layers with a batch norm, as a Sequential model."""
    return randomized(
        keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(width, name="first"),
                layers.BatchNormalization(name="norm"),
                layers.ReLU(name="relu"),
                layers.Dense(6, activation="tanh", name="second"),
                layers.Dropout(0.3),
                layers.Dense(3, name="head"),
            ]
        )
    )


def plain_perceptron(width=5):
    """One hidden layer."""
    return randomized(
        keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(width, activation="relu", name="hidden"),
                layers.Dense(3, name="head"),
            ]
        )
    )


def conv_net(channels=4):
    """Convolutions, batch norm, pooling and Flatten, as a Sequential model."""
    return randomized(
        keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Conv2D(channels, 3, padding="same", name="conv_1"),
                layers.BatchNormalization(name="norm_1"),
                layers.ReLU(name="relu_1"),
                layers.MaxPooling2D(name="pool"),
                layers.Conv2D(
                    5, 3, padding="same", activation="relu", name="conv_2"
                ),
                layers.Flatten(name="flatten"),
                layers.Dense(3, name="head"),
            ]
        )
    )


def random_network(seed):
    """A network of random blocks: plain, residual, dense and excited ones.

    Returns:
        `(model, names)`: the model, and the names of all layers that can be
        widened. Those are missing whose outputs are added to something that
        was concatenated.
    """
    generator = np.random.default_rng(seed)
    x = image = keras.Input((6, 6, 2), name="image")
    names = []
    x = _conv(x, 4, names)
    blocks = [_plain, _residual, _concatenated, _excited, _separable]
    is_joined = False
    for number in generator.permutation(len(blocks))[:3]:
        block, before = blocks[number], len(names)
        x = block(x, names)
        if block in (_residual, _excited) and is_joined:
            # What comes second in both is what is added or multiplied.
            del names[before + 1]
        if block not in (_residual, _excited):
            is_joined = block is not _plain
    if generator.random() < 0.5:
        x = layers.Flatten()(layers.MaxPooling2D(2)(x))
    else:
        x = layers.GlobalAveragePooling2D()(x)
    x = _named(layers.Dense(5, activation="gelu", name="dense"), names)(x)
    x = layers.Dense(3, name="head")(layers.Dropout(0.2)(x))
    return randomized(keras.Model(image, x), seed), names


def _new_name(x, kind):
    """Names that stay different where some were taken out."""
    return f"{kind}_of_{x.name}"


def _named(layer, names):
    names.append(layer.name)
    return layer


def _conv(x, channels, names, size=3, activation="relu"):
    name = _new_name(x, "conv")
    conv = layers.Conv2D(
        channels, size, padding="same", use_bias=len(names) % 2, name=name
    )
    x = _named(conv, names)(x)
    x = layers.BatchNormalization(scale=len(names) % 3 > 0)(x)
    return layers.Activation(activation)(x)


def _plain(x, names):
    return _conv(layers.ZeroPadding2D()(x), 3, names)


def _residual(x, names):
    y = _conv(x, 3, names)
    y = _conv(y, x.shape[-1], names, activation="linear")
    return layers.ReLU()(x + y)


def _concatenated(x, names):
    y = _conv(x, 2, names)
    x = layers.Concatenate()([x, y])
    return layers.Concatenate()([x, _conv(x, 2, names, size=1)])


def _excited(x, names):
    channels = x.shape[-1]
    name = _new_name(x, "squeeze")
    s = layers.GlobalAveragePooling2D()(x)
    s = _named(layers.Dense(2, activation="relu", name=name), names)(s)
    s = _named(
        layers.Dense(channels, activation="sigmoid", name=f"excite_{name}"),
        names,
    )(s)
    return layers.Multiply()([x, layers.Reshape((1, 1, channels))(s)])


def _separable(x, names):
    name = _new_name(x, "separable")
    x = _named(
        layers.SeparableConv2D(3, 3, depth_multiplier=2, name=name), names
    )(x)
    return layers.DepthwiseConv2D(
        3, depth_multiplier=2, padding="same", activation="relu"
    )(x)


def functional(inputs, outputs):
    """A model with random weights."""
    return randomized(keras.Model(inputs, outputs))


def sequence(*parts, shape=(6, 3)):
    """A Functional model of layers in a row."""
    x = inputs = keras.Input(shape)
    for part in parts:
        x = part(x)
    return functional(inputs, x)


def spread_channel():
    """A mask of one channel multiplies many."""
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same", name="layer")(inputs)
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
    x = layers.Multiply()([x, mask])
    return functional(inputs, layers.Dense(2)(layers.Flatten()(x)))
