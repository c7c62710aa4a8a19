"""The small networks that recipes and benchmarks know by name.

Pixels from 0 to 255 go in. With a number of classes logits come out of the
layer `logits`, else features.
"""

import keras


def lenet(shape, num_classes, batch_norm=True, dropout=0.0):
    """Two convolutions and a hidden layer, dropout around the latter."""
    inputs = keras.Input(shape, name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    for filters in (32, 48):
        x = _activated(keras.layers.Conv2D(filters, 5)(x), batch_norm)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dropout(dropout)(x)
    x = _activated(keras.layers.Dense(100)(x), batch_norm, name="features")
    x = keras.layers.Dropout(dropout)(x)
    return _with_head(inputs, x, num_classes)


def digits(shape, num_classes, dropout=0.5):
    """Three convolutions of few filters with batch norm, for short runs."""

    def block(x, name=None):
        # Few steps: the moving statistics must keep up.
        return _activated(x, True, name, momentum=0.95)

    inputs = keras.Input(shape, name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = block(keras.layers.Conv2D(24, 5, strides=2)(x))
    x = block(keras.layers.Conv2D(48, 3, strides=2)(x))
    x = block(keras.layers.Conv2D(64, 3)(x))
    x = keras.layers.Dropout(dropout)(keras.layers.Flatten()(x))
    x = block(keras.layers.Dense(64)(x), name="features")
    x = keras.layers.Dropout(dropout)(x)
    return _with_head(inputs, x, num_classes)


def conv4(shape, num_classes=None, width=64):
    """Four times convolution, batch norm, pooling and ReLU, for few shots."""
    inputs = keras.Input(shape, name="image")
    x = conv4_maps(keras.layers.Rescaling(1 / 255)(inputs), width)
    x = keras.layers.Flatten(name="features")(x)
    return _with_head(inputs, x, num_classes)


def conv4_maps(x, width=64, last_relu=True):
    """The four blocks of `conv4`.

    Args:
        x: Images `(rows, height, width, channels)`, 0 to 1.
        width: Channels of each block.
        last_relu: Whether the last block ends with its ReLU.

    Returns:
        Maps of a sixteenth of the height and width.
    """
    for block in range(1, 5):
        x = keras.layers.Conv2D(
            width, 3, padding="same", use_bias=False, name=f"conv_{block}"
        )(x)
        x = keras.layers.BatchNormalization(
            momentum=0.9, name=f"batch_norm_{block}"
        )(x)
        # The same as ReLU before pooling, and a quarter of the work.
        x = keras.layers.MaxPooling2D(name=f"pool_{block}")(x)
        if block < 4 or last_relu:
            x = keras.layers.ReLU(name=f"relu_{block}")(x)
    return x


def dense(shape, num_classes, units=(64,), batch_norm=True, dropout=0.0):
    """Hidden layers on rows of numbers, whatever their shape."""
    inputs = keras.Input(shape, name="rows")
    x = keras.layers.Flatten()(inputs)
    for number, width in enumerate(units, start=1):
        name = "features" if number == len(units) else None
        x = keras.layers.Dropout(dropout)(x)
        x = _activated(keras.layers.Dense(width)(x), batch_norm, name)
    return _with_head(inputs, x, num_classes)


NETWORKS = {"lenet": lenet, "digits": digits, "conv4": conv4, "dense": dense}


def network(settings, shape, num_classes=None):
    """The network or backbone of a recipe.

    Args:
        settings: `Model` of the recipe.
        shape: Shape of one row.
        num_classes: Number of logits, or `None` for features.

    Returns:
        A `keras.Model`.
    """
    if settings.backbone is not None:
        return _on_backbone(settings, shape, num_classes)
    options = {
        "lenet": ("batch_norm", "dropout"),
        "digits": ("dropout",),
        "conv4": (),
        "dense": ("units", "batch_norm", "dropout"),
    }[settings.network]
    given = {name: getattr(settings, name) for name in options}
    return NETWORKS[settings.network](
        shape,
        num_classes,
        **{name: value for name, value in given.items() if value is not None},
    )


def _on_backbone(settings, shape, num_classes):
    from keras_transfer import zoo

    backbone = zoo.load(settings.backbone, trainable=True)
    inputs = keras.Input(shape, name="image")
    x = inputs
    if backbone.preprocessing is not None:
        x = backbone.preprocessing(x)
    x = backbone(x)
    if num_classes is not None and settings.dropout:
        x = keras.layers.Dropout(settings.dropout)(x)
    return _with_head(inputs, x, num_classes)


def _activated(x, batch_norm, name=None, **settings):
    if batch_norm:
        x = keras.layers.BatchNormalization(**settings)(x)
    return keras.layers.ReLU(name=name)(x)


def _with_head(inputs, features, num_classes):
    if num_classes is None:
        return keras.Model(inputs, features)
    logits = keras.layers.Dense(num_classes, name="logits")(features)
    return keras.Model(inputs, logits)
