"""What all maps over images share: a model for tf-keras-vis, and one scale."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer.explain import explained_model
from keras_transfer.explain import spatial_layer
from keras_transfer.explain.vis import vis


class CutModel:
    """A model, cut at one of its layers, as tf-keras-vis takes it.

    tf-keras-vis looks for a layer in the outer graph, and cannot enter the
    nested backbone that most transferred models begin with. It is handed a
    graph of two parts instead: from the images to the maps of the layer, and
    from both to the logits. The input is a list, as it is called with one.

    Args:
        model: The user's model.
        images: Float32 images `(rows, height, width, channels)`.
        layer: Name or path of the layer, or `None`, see `spatial_layer`.

    Attributes:
        explained: The `ExplainedModel`.
        seen: The `SeenLayer` of the cut.
        maps: The Keras layer that stands for it.
        graph: The model for tf-keras-vis.
        values: Maps of the images that the graph ran last.
    """

    def __init__(self, model, images, layer=None):
        self.explained = explained_model.ExplainedModel(model, images)
        self.seen = spatial_layer.spatial_layer(self.explained, layer)
        self.maps = FunctionLayer(
            self._maps, (None, None, self.seen.outputs.shape[-1])
        )
        logits = FunctionLayer(self._logits, (num_logits(self.explained),))
        inputs = image_input(images)
        outputs = logits([inputs, self.maps(inputs)])
        self.graph = keras.Model([inputs], [outputs])

    def _maps(self, images):
        self.values = self.explained.outputs_of(self.seen, _cut_off(images))
        # tf-keras-vis watches the images only, whose gradient an integer
        # input would lose.
        return self.values + 0.0 * tf.reduce_sum(images)

    def _logits(self, inputs):
        images, maps = inputs
        return self.explained.logits_from(self.seen, _cut_off(images), maps)


class FunctionLayer(keras.layers.Layer):
    """A function of tensors, in float32, that no shape is traced through.

    Args:
        function: From float32 tensors to a float32 tensor.
        row_shape: Of its output, without the rows.
    """

    def __init__(self, function, row_shape):
        super().__init__(dtype="float32", autocast=False)
        self.function = function
        self.row_shape = tuple(row_shape)
        self.built = True

    def call(self, inputs):
        return self.function(inputs)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((None, *self.row_shape), "float32")


def logits_graph(explained, images):
    """The whole model from float32 images to logits, for tf-keras-vis."""
    inputs = image_input(images)
    logits = FunctionLayer(explained.logits, (num_logits(explained),))
    return keras.Model([inputs], [logits(inputs)])


def pixel_gradients(explained, images):
    """A function from a batch and its labels to gradients of that shape."""
    explained.check_differentiable()
    gradients = vis("saliency").Saliency(logits_graph(explained, images))

    def of_batch(batch, classes):
        return gradients(
            class_score(classes),
            batch,
            keepdims=True,
            gradient_modifier=None,
            normalize_map=False,
        )

    return of_batch


def image_input(images):
    """A float32 input for images like these, of any size."""
    return keras.Input((None, None, images.shape[-1]), dtype="float32")


def _cut_off(images):
    """The same images, from which no gradient is kept in memory."""
    return tf.convert_to_tensor(images.numpy())


def num_logits(explained):
    """Number of columns of `ExplainedModel.logits`."""
    return max(explained.columns, 2)


def class_score(labels):
    """A score function for tf-keras-vis: the logit of each row's label."""
    labels = tf.constant(labels)
    return lambda logits: tf.gather(logits, labels, axis=1, batch_dims=1)


def in_batches(explained, images, labels, batch_size, make):
    """Maps of all images, made batch by batch and scaled.

    Args:
        explained: The `ExplainedModel`.
        images: Float32 images.
        labels: As the user gave them.
        batch_size: Rows at a time.
        make: From a batch and its labels to maps `(rows, height, width)` that
            are nowhere negative.

    Returns:
        Float32 `(rows, height, width)`.
    """
    labels = explained.classes(images, labels, batch_size)
    pairs = zip(
        explained_model.batches(images, batch_size),
        explained_model.batches(labels, batch_size),
        strict=True,
    )
    return scaled(np.concatenate([make(*pair) for pair in pairs]))


def scaled(maps):
    """Divides each map by its largest value; zero stays zero.

    tf-keras-vis would move the smallest value to zero as well, and so change
    how much of a map lies where.

    Raises:
        ValueError: If a map is not finite.
    """
    maps = np.asarray(maps, "float32")
    if not np.isfinite(maps).all():
        raise ValueError(
            "The map of an image is NaN or infinite, as are the outputs or the "
            "gradients of the model. Look at model.predict(images); in float16 "
            "the model may overflow."
        )
    largest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(
        maps, largest, out=np.zeros_like(maps), where=largest > 0
    ).astype("float32")
