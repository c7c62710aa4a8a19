"""How much a model loses with each channel."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.finetune import freezing
from keras_transfer.training import layer_tree
from keras_transfer.training import recorded_layers


def channel_importance(model, data, layers, loss=None, batch_size=64):
    """Weights of the channels of layers, for `finetune.Delta`.

    Formula, with L the mean loss on the data and L_j the same with channel j
    of the layer's output set to zero:

        W = softmax over j of (L_j - L)

    The paper takes the pretrained network with a head that was trained on the
    target for a while.

    Bad at: time; the data run through the model once for each channel. A few
    hundred rows will do. Differences of losses below 1 give almost equal
    weights.

    Args:
        model: A built `keras.Model`. Nothing of it changes.
        data: `(x, y)` arrays, or a `tf.data.Dataset` of such batches.
        layers: Names or paths of layers, anywhere in the model.
        loss: A Keras loss or its name; by default that the model is compiled
            with.
        batch_size: For arrays.

    Returns:
        Dict from the names to arrays of shape `(channels,)` that sum to 1.

    Raises:
        ValueError: If a layer is not found, or if there is no loss or data.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Dense(1, use_bias=False)]
    ... )
    >>> hidden = model.layers[0]
    >>> x, y = np.eye(2), np.ones((2, 1))
    >>> weights = kt.finetune.channel_importance(
    ...     model, (x, y), [hidden.name], loss="mse"
    ... )
    >>> weights[hidden.name].tolist()
    [1.0]

    Reference:

    - [Li et al., 2019, DELTA: Deep Learning Transfer using Feature Map with
      Attention for Convolutional Networks, section
      3](https://arxiv.org/abs/1901.09229)
    """
    freezing.check_built(model)
    names = [layers] if isinstance(layers, str) else list(layers)
    loss = keras.losses.get(loss if loss is not None else model.loss)
    if loss is None:
        raise invalid_argument(
            "loss", loss, "a loss", "The model is not compiled with one."
        )
    batches = _batches(data, batch_size)
    return {
        name: _importance(
            model, batches, layer_tree.find_one(model, name, "layers"), loss
        )
        for name in names
    }


def _importance(model, batches, layer, loss):
    width = []

    def masked(mask):
        def make(stock):
            def call(*args, **kwargs):
                outputs = stock(*args, **kwargs)
                width.append(outputs.shape[-1])
                return outputs * tf.cast(mask, outputs.dtype)

            return call

        return make

    @tf.function(reduce_retracing=True)
    def total(x, y, mask):
        with recorded_layers.replaced_call(layer, masked(mask)):
            outputs = model(x, training=False)
        values = keras.ops.mean(keras.ops.cast(loss(y, outputs), "float32"))
        return values * tf.cast(keras.ops.shape(outputs)[0], "float32")

    def mean_loss(mask):
        rows = sum(len(y) for _, y in batches)
        return sum(float(total(x, y, mask)) for x, y in batches) / rows

    whole = mean_loss(tf.ones([1]))
    if not width:
        raise ValueError(f"The model does not call the layer {layer.name!r}.")
    kept = 1.0 - np.eye(width[0], dtype="float32")
    losses = np.array([mean_loss(tf.constant(mask)) for mask in kept])
    exponentials = np.exp(losses - whole - np.max(losses - whole))
    return (exponentials / exponentials.sum()).astype("float32")


def _batches(data, batch_size):
    if isinstance(data, tf.data.Dataset):
        batches = [(batch[0], batch[1]) for batch in data]
    else:
        x, y = data
        dataset = tf.data.Dataset.from_tensor_slices((x, y))
        batches = list(dataset.batch(batch_size))
    if not batches:
        raise invalid_argument("data", data, "at least one batch")
    return batches
