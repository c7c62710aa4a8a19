"""Grad-CAM++: maps weighted by their positive gradients, place by place."""

import tensorflow as tf
from keras import ops

from keras_transfer.explain import class_maps
from keras_transfer.explain import explained_model
from keras_transfer.explain.vis import vis

#: Of alpha; float32 rounds smaller ones.
_LEAST_DENOMINATOR = 1e-5


def grad_cam_plus_plus(model, images, labels=None, layer=None, batch_size=32):
    """Shows where a class is seen, also where it is seen several times.

    Formula, with `g_k = d logit / d A_k` at each place:

        alpha_k = g_k^2 / (2 * g_k^2 + sum over places of A_k * g_k^3)
        weight_k = sum over places of alpha_k * relu(g_k)
        map = relu(sum over k of weight_k * A_k)

    Note: `alpha_k` is divided by its sum over the places, as in the code of
    the paper's authors and in tf-keras-vis; the paper does not say so.

    Bad at: the same things as `grad_cam` but for several things of a class.
    The denominator may come near zero where gradients are negative; such a
    place then outweighs the others, and is left out where it is zero.

    Args:
        model: As for `grad_cam`.
        images: Array `(rows, height, width, channels)`.
        labels: As for `grad_cam`.
        layer: As for `grad_cam`.
        batch_size: Rows at a time.

    Returns:
        Float32 `(rows, height, width)` from 0 to 1.

    Raises:
        ValueError: As `grad_cam` does.
        ImportError: If tf-keras-vis is not installed.

    Example:

    >>> import keras, numpy
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
    ...     keras.layers.Flatten(), keras.layers.Dense(3)])
    >>> images = numpy.random.default_rng(0).uniform(0, 255, (2, 8, 8, 1))
    >>> explain.grad_cam_plus_plus(model, images, labels=[0, 2]).shape
    (2, 8, 8)

    Reference:

    - [Chattopadhyay et al., 2018, Grad-CAM++, eq. 19](
      https://arxiv.org/abs/1710.11063)
    """
    images = explained_model.checked_images(model, images)
    cut = class_maps.CutModel(model, images, layer)
    cam = vis("gradcam_plus_plus").GradcamPlusPlus(cut.graph)

    def make(batch, classes):
        logit = class_maps.class_score(classes)

        def score(logits):
            # tf-keras-vis multiplies by exp(score), which is the same for a
            # whole row and overflows at a logit of 89. This one is exp(0).
            value = logit(logits)
            return value - tf.stop_gradient(value)

        def without_poles(slopes):
            """No gradient where alpha, 1 / (2 + sum * g), is infinite."""
            sums = ops.sum(cut.values, axis=(1, 2), keepdims=True)
            is_pole = ops.abs(2.0 + sums * slopes) < _LEAST_DENOMINATOR
            return ops.where(is_pole, 0.0, slopes)

        return cam(
            score,
            batch,
            penultimate_layer=cut.maps,
            seek_penultimate_conv_layer=False,
            gradient_modifier=without_poles,
            normalize_cam=False,
        )

    return class_maps.in_batches(
        cut.explained, images, labels, batch_size, make
    )
