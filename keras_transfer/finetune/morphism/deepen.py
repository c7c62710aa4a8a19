"""One more layer, same function."""

import numbers

import keras
import numpy as np
from keras import layers

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.morphism import activations
from keras_transfer.finetune.morphism import layer_kinds
from keras_transfer.finetune.morphism.graph import Graph
from keras_transfer.finetune.morphism.rebuild import Edit
from keras_transfer.finetune.morphism.rebuild import morph


def deepen(
    model,
    after,
    kernel_size=3,
    batch_norm=False,
    data=None,
    name=None,
    carry_optimizer=False,
):
    """Puts a layer after another one, so that the model computes what it did.

    Net2DeeperNet. The new layer is the identity, followed by the activation f
    that its inputs come from, which must be idempotent, as ReLU is:

        f(I f(x)) = f(f(x)) = f(x)

    It is a Dense layer after vectors, else a convolution whose kernel is 1 in
    the middle for each channel. With a batch norm in between,

        gamma = sqrt(variance + epsilon),  beta = mean

    undo what the moving statistics do. Let them be those of `data`: otherwise
    they are 0 and 1, and it is only in inference that the function is the
    same, while training normalizes by each batch.

    Bad at: networks of sigmoid, tanh, GELU or SiLU, which would change it.

    Args:
        model: A built Functional or Sequential model. It is not changed.
        after: Name of the layer that the new one follows, with outputs of a
            ReLU or ReLU6: the activation, or pooling, dropout and the like
            after it. `"backbone/relu_1"` for one in a model inside the model.
        kernel_size: Odd size of the kernel of a convolution, an integer.
        batch_norm: Whether a batch norm follows the new layer.
        data: Array of inputs of the model, or a list or dict of arrays, to
            take the statistics from. With `batch_norm` only.
        name: Name of the new layer; `after` with `_deepened` by default.
        carry_optimizer: Whether the new model is compiled as the old one is,
            with the optimizer's state. The new layer's begins at zero, so that
            its first steps with Adam are up to three times as large.

    Returns:
        A new model; not compiled, unless `carry_optimizer` says so.

    Raises:
        ValueError: If there is no such layer, or if its outputs are not those
            of an idempotent activation.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, activation="relu", name="hidden"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> deeper = kt.finetune.deepen(model, after="hidden")
    >>> [layer.name for layer in deeper.layers]
    ['hidden', 'hidden_deepened', 'head']
    >>> x = np.ones((2, 4), "float32")
    >>> bool(np.allclose(deeper(x), model(x), atol=1e-5))
    True

    Reference:

    - [Chen, Goodfellow & Shlens, 2016, Net2Net: Accelerating Learning via
      Knowledge Transfer, section 2.3](https://arxiv.org/abs/1511.05641)
    """
    _check(after, kernel_size, batch_norm, data)

    def edit(graph, own_name):
        layer = graph.find_once(own_name, "after")
        activation = _activation(graph, own_name)
        chain = _chain(
            layer,
            graph.shape(own_name),
            _new_name(graph, own_name, name),
            int(kernel_size),
            batch_norm,
            activation,
        )

        def finish(new_model):
            _make_identity(chain[0])
            if batch_norm:
                _undo_batch_norm(new_model, own_name, chain[1], data)

        return Edit(inserted={own_name: chain}, finish=finish)

    return morph(model, after, edit, carry_optimizer)


def _check(after, kernel_size, batch_norm, data):
    is_integer = isinstance(kernel_size, numbers.Integral)
    if not is_integer or kernel_size < 1 or kernel_size % 2 == 0:
        raise invalid_argument("kernel_size", kernel_size, "an odd integer")
    if data is not None and not batch_norm:
        raise ValueError("`data` is read for a batch norm only.")
    if data is not None and "/" in str(after):
        raise invalid_argument(
            "data",
            type(data).__name__,
            "`None` for a layer in a model inside the model",
        )


def _new_name(graph, after, name):
    if name is None:
        return graph.free_name(f"{after}_deepened")
    if name in graph.operations:
        raise invalid_argument("name", name, "a name that no layer has yet")
    return name


def _activation(graph, after):
    activation = activations.activation_of(graph, after)
    if activation is None:
        others = activations.last_activations(graph)
        hint = f"Possible are {', '.join(map(repr, others))}."
        raise invalid_argument(
            "after",
            after,
            "a layer whose outputs are those of a ReLU or ReLU6, which change "
            "nothing if applied once more, unlike sigmoid, tanh or GELU",
            hint if others else "This model has none.",
        )
    return activation


def _chain(layer, shape, name, kernel_size, batch_norm, activation):
    """The new layers: the identity, and what may follow it."""
    if shape[-1] is None or len(shape) not in (2, 3, 4, 5):
        raise invalid_argument(
            "after", layer.name, f"vectors, sequences or images, not {shape}"
        )
    options = {
        "name": name,
        "dtype": getattr(layer, "dtype_policy", None),
        "use_bias": not batch_norm,
        "activation": None if batch_norm else activation,
    }
    if len(shape) == 2:
        chain = [layers.Dense(shape[-1], **options)]
    else:
        conv = layer_kinds.CONVS[len(shape) - 3]
        options.update(padding="same", data_format="channels_last")
        chain = [conv(shape[-1], kernel_size, **options)]
    if batch_norm:
        dtype = options["dtype"]
        chain += [
            layers.BatchNormalization(name=f"{name}_norm", dtype=dtype),
            layers.Activation(
                activation, name=f"{name}_{activation}", dtype=dtype
            ),
        ]
    return chain


def _make_identity(layer):
    kernel = np.zeros(layer.kernel.shape)
    middle = tuple(size // 2 for size in kernel.shape[:-2])
    kernel[middle] = np.eye(kernel.shape[-1])
    layer.kernel.assign(kernel)


def _undo_batch_norm(model, after, norm, data):
    if data is not None:
        mean, variance = _statistics(model, after, data)
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(variance)
    # Read back, so that the rounding of the variables is undone too.
    variance = keras.ops.convert_to_numpy(norm.moving_variance)
    norm.gamma.assign(np.sqrt(variance + norm.epsilon))
    norm.beta.assign(norm.moving_mean)


def _statistics(model, after, data, batch_size=256):
    """Mean and variance of each channel of a layer's outputs."""
    inputs = Graph(model).plain.input
    part = keras.Model(inputs, model.get_layer(after).output)
    count = len(keras.tree.flatten(data)[0])
    total, square, size = 0.0, 0.0, 0
    for start in range(0, count, batch_size):
        rows = keras.tree.map_structure(
            lambda array, start=start: array[start : start + batch_size], data
        )
        values = np.asarray(part.predict_on_batch(rows), "float64")
        values = values.reshape(-1, values.shape[-1])
        total = total + values.sum(axis=0)
        square = square + (values**2).sum(axis=0)
        size += len(values)
    mean = total / size
    return mean, np.maximum(square / size - mean**2, 0.0)
