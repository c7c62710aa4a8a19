"""Grad-CAM: the maps of a layer, weighted by their mean gradient."""

from keras_transfer.explain import class_maps
from keras_transfer.explain import explained_model
from keras_transfer.explain.vis import vis


def grad_cam(model, images, labels=None, layer=None, batch_size=32):
    """Shows where a class is seen, by the gradients of its logit.

    Formula:

        weight_k = mean over places of d logit / d A_k
        map = relu(sum over k of weight_k * A_k)

    with `A_k` the maps of one layer. The map is enlarged to the image
    (bilinear) and divided by its largest value.

    The model stays as it is. A softmax or sigmoid at its end is left out; one
    that the model computes outside of a layer, or a SavedModel inside, cannot
    be seen, and gradients are those of the probability then.

    Bad at: small things under a coarse layer, as the map has no more places
    than the layer has; several things of one class, of which it shows the
    strongest (`grad_cam_plus_plus`); classes that are seen by an absence.
    A map that looks right is no proof that the model is: compare with maps of
    other labels.

    Args:
        model: A built `keras.Model` with one image input and one output
            `(rows, classes)`, or a trainer around one. The layer may be
            inside a nested model, as those of `keras.applications`.
        images: Array `(rows, height, width, channels)`, as the model takes
            them; uint8 will do.
        labels: Class numbers `(rows,)`, or one for all; by default the
            predicted classes. A model with one output column has the classes
            0, which speaks against, and 1; without a sigmoid 1 is the
            default.
        layer: Name or path of a layer with an output `(rows, height, width,
            channels)`; by default the last one of 4 x 4 places or more, if
            there is any, pooling passed over.
        batch_size: Rows at a time.

    Returns:
        Float32 `(rows, height, width)` from 0 to 1. A row is all zero where
        nothing speaks for the class.

    Raises:
        ValueError: If the model has no such layer, several inputs or outputs,
            or the images or labels do not fit it.
        ImportError: If tf-keras-vis is not installed.

    Example:

    >>> import keras, numpy
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
    ...     keras.layers.Flatten(), keras.layers.Dense(3)])
    >>> images = numpy.random.default_rng(0).uniform(0, 255, (2, 8, 8, 1))
    >>> explain.grad_cam(model, images).shape
    (2, 8, 8)

    Reference:

    - [Selvaraju et al., 2017, Grad-CAM, eq. 1 and 2](
      https://arxiv.org/abs/1610.02391)
    """
    images = explained_model.checked_images(model, images)
    cut = class_maps.CutModel(model, images, layer)
    cam = vis("gradcam").Gradcam(cut.graph)

    def make(batch, classes):
        return cam(
            class_maps.class_score(classes),
            batch,
            penultimate_layer=cut.maps,
            seek_penultimate_conv_layer=False,
            normalize_cam=False,
        )

    return class_maps.in_batches(
        cut.explained, images, labels, batch_size, make
    )
