"""Score-CAM: maps weighted by what the model says of the image behind them."""

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_transfer._public import invalid_argument
from keras_transfer.explain import class_maps
from keras_transfer.explain import explained_model
from keras_transfer.explain import spatial_layer
from keras_transfer.explain.vis import vis


def score_cam(
    model,
    images,
    labels=None,
    layer=None,
    batch_size=32,
    max_channels=None,
    verbose=1,
):
    """Shows where a class is seen, without gradients.

    Formula:

        H_k = A_k, enlarged to the image and scaled to 0..1
        weight_k = probability of the class for image * H_k
        map = relu(sum over k of weight_k * A_k)

    with `A_k` the maps of one layer.

    Note: the weights are those of the authors' code and of tf-keras-vis. The
    paper's algorithm 1 takes the increase of the score over that of a
    baseline, and a softmax of it over the channels.

    Bad at: time. It runs the model once for each channel and image, 1280
    times for MobileNetV2; `max_channels` bounds that.

    Args:
        model: As for `grad_cam`.
        images: Array `(rows, height, width, channels)`.
        labels: As for `grad_cam`.
        layer: As for `grad_cam`.
        batch_size: Masked images at a time, which bounds the memory too.
        max_channels: Number of channels, those that vary most over each
            image (Faster Score-CAM); by default all.
        verbose: 0 for no progress bar.

    Returns:
        Float32 `(rows, height, width)` from 0 to 1.

    Raises:
        ValueError: As `grad_cam` does, or if `max_channels` is not positive.
        ImportError: If tf-keras-vis is not installed.

    Example:

    >>> import keras, numpy
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
    ...     keras.layers.Flatten(), keras.layers.Dense(3)])
    >>> images = numpy.random.default_rng(0).uniform(0, 255, (2, 8, 8, 1))
    >>> explain.score_cam(model, images, verbose=0).shape
    (2, 8, 8)

    Reference:

    - [Wang et al., 2020, Score-CAM, section 3 and algorithm 1](
      https://arxiv.org/abs/1910.01279)
    """
    if max_channels is not None and (
        not isinstance(max_channels, int) or max_channels < 1
    ):
        raise invalid_argument(
            "max_channels", max_channels, "a positive integer or None"
        )
    images = explained_model.checked_images(model, images)
    explained = explained_model.ExplainedModel(model, images)
    seen = spatial_layer.spatial_layer(explained, layer)
    summed = _BlockSum(explained, images, batch_size)
    labels = explained.classes(images, labels, batch_size)
    found = []
    for row, label in enumerate(
        tqdm(labels, "Score-CAM", unit="image", disable=not verbose)
    ):
        image = images[row : row + 1]
        maps = keras.ops.convert_to_numpy(explained.outputs_of(seen, image))
        spread = maps.std(axis=(0, 1, 2))
        chosen = np.argsort(-spread, kind="stable")[:max_channels]
        found.append(summed(image, label, maps[..., np.sort(chosen)]))
    return class_maps.scaled(np.stack(found))


class _BlockSum:
    """The map of one image, added up over blocks of channels.

    tf-keras-vis holds a masked image for each channel of every image at once,
    five gigabytes for one image of ResNet50. As the map is a sum over
    channels, it is given a block of them at a time, of one image.
    """

    def __init__(self, explained, images, batch_size):
        self._batch_size = batch_size
        # One output stands for two logits, the difference of which it is.
        half = 0.5 if explained.columns == 1 else 1.0
        inputs = class_maps.image_input(images)
        logits = class_maps.FunctionLayer(
            lambda x: half * explained.logits(x),
            (class_maps.num_logits(explained),),
        )
        graph = keras.Model([inputs], [logits(inputs)])
        # `predict` shows a bar, and takes longer to begin than a block runs.
        run = tf.function(logits, reduce_retracing=True)
        graph.predict = lambda masked, batch_size: run(masked[0]).numpy()
        self._block = None
        self._maps = class_maps.FunctionLayer(
            lambda x: self._block, (None, None, None)
        )
        self._maps(inputs)
        self._cam = vis("scorecam").Scorecam(graph)

    def __call__(self, image, label, maps):
        from scipy.ndimage import zoom

        total = np.zeros(maps.shape[1:3])
        channels = maps.shape[-1]
        for start in range(0, channels, self._batch_size):
            block = maps[..., start : start + self._batch_size]
            self._block = keras.ops.convert_to_tensor(block)
            total += self._cam(
                class_maps.class_score([label]),
                image,
                penultimate_layer=self._maps,
                seek_penultimate_conv_layer=False,
                batch_size=self._batch_size,
                activation_modifier=None,
                expand_cam=False,
                normalize_cam=False,
            )[0]
        factors = np.divide(image.shape[1:3], total.shape)
        return zoom(np.maximum(total, 0), factors, order=1)
