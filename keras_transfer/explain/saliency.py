"""Saliency: the gradient of a logit with respect to the pixels."""

import numpy as np

from keras_transfer.explain import class_maps
from keras_transfer.explain import explained_model


def saliency(model, images, labels=None, batch_size=32):
    """Shows which pixels a small change of would move a class' logit most.

    Formula:

        map = max over channels of |d logit / d image|

    divided by its largest value. It needs no layer: it works for every model
    that a gradient passes through, a SavedModel in a `HubBackbone` included.

    Bad at: showing a whole thing, as gradients are noisy and lie at edges
    (`smooth_grad`); what is saturated has no gradient
    (`integrated_gradients`).

    Args:
        model: As for `grad_cam`; no convolution is needed.
        images: Array `(rows, height, width, channels)`.
        labels: As for `grad_cam`.
        batch_size: Rows at a time.

    Returns:
        Float32 `(rows, height, width)` from 0 to 1.

    Raises:
        ValueError: If the model has several inputs or outputs, declares an
            integer input, or the images or labels do not fit it.
        ImportError: If tf-keras-vis is not installed.

    Example:

    >>> import keras, numpy
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)), keras.layers.Flatten(),
    ...     keras.layers.Dense(3)])
    >>> explain.saliency(model, numpy.ones((2, 8, 8, 3))).max(axis=(1, 2))
    array([1., 1.], dtype=float32)

    Reference:

    - [Simonyan et al., 2014, Deep Inside Convolutional Networks, section 3](
      https://arxiv.org/abs/1312.6034)
    """
    images = explained_model.checked_images(model, images)
    explained = explained_model.ExplainedModel(model, images)
    gradients = class_maps.pixel_gradients(explained, images)
    return class_maps.in_batches(
        explained,
        images,
        labels,
        batch_size,
        lambda *batch: np.abs(gradients(*batch)).max(axis=-1),
    )
