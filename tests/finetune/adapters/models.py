"""Small models, and ways to compare them."""

import keras
import numpy as np
from keras import layers


def dense(width=6, outputs=3):
    """A dense network with a batch norm; all targets are `dense*`."""
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(width, activation="relu", name="dense_1"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(width, activation="tanh", name="dense_2"),
            layers.Dense(outputs, name="head"),
        ]
    )


def of_layer(layer, shape, dtype=None):
    """A model of one layer."""
    return keras.Sequential([keras.Input(shape, dtype=dtype), layer])


def attention(masked=False, causal=False, cross=False, **arguments):
    """Attention over five positions, then a pooling that sees masks."""
    if masked:
        inputs = keras.Input((5,), dtype="int32")
        x = layers.Embedding(9, 6, mask_zero=True, name="embedding")(inputs)
    else:
        inputs = x = keras.Input((5, 6))
    attend = layers.MultiHeadAttention(
        num_heads=2, key_dim=3, name="attention", **arguments
    )
    if cross:
        value = layers.Dense(4, name="to_value")(x)
        key = layers.Dense(7, name="to_key")(x)
        y = attend(x, value, key=key, use_causal_mask=causal)
    else:
        y = attend(x, x, use_causal_mask=causal)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(y))


def rows(*shape):
    """Normal rows, the same each time."""
    return np.random.default_rng(5).normal(size=shape).astype("float32")


def outputs(model, inputs):
    """What a model answers, in float32."""
    answer = keras.ops.convert_to_numpy(model(inputs))
    return np.asarray(answer, "float32")


def shake(model, scale=0.3):
    """Gives all weights that learn a new value, as training would."""
    generator = np.random.default_rng(7)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(size=weight.shape) * scale)


def learning(model):
    """Shapes of the weights that learn."""
    return [tuple(weight.shape) for weight in model.trainable_weights]


def reloaded(model, folder):
    """The model after a round trip through a file."""
    path = folder / "model.keras"
    model.save(path)
    return keras.models.load_model(path)
