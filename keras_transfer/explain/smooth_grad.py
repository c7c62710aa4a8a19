"""SmoothGrad: saliency, averaged over noisy copies of an image."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.explain import class_maps
from keras_transfer.explain import explained_model


def smooth_grad(
    model, images, labels=None, batch_size=32, samples=20, noise=0.2, seed=0
):
    """Shows which pixels matter, with less of the noise that gradients have.

    Formula:

        map = max over channels of |mean over samples of
                                    d logit / d image at image + e|
        e ~ N(0, (noise * (max - min of the image))^2)

    divided by its largest value. The noise of an image depends on the seed
    and its row alone, not on the batches.

    Note: tf-keras-vis averages absolute values. Here, as in the paper, the
    signs are dropped after the average, so that what only flickers cancels.

    Bad at: time, as it costs `samples` times what `saliency` does.

    Args:
        model: As for `saliency`.
        images: Array `(rows, height, width, channels)`.
        labels: As for `grad_cam`.
        batch_size: Rows at a time.
        samples: Number of noisy copies.
        noise: Standard deviation of the noise as a share of the range of
            each image, 0.1 to 0.2 in the paper.
        seed: Integer.

    Returns:
        Float32 `(rows, height, width)` from 0 to 1.

    Raises:
        ValueError: As `saliency` does, or if `samples` or `noise` is out of
            range.
        ImportError: If tf-keras-vis is not installed.

    Example:

    >>> import keras, numpy
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
    ...     keras.layers.Flatten(), keras.layers.Dense(3)])
    >>> images = numpy.random.default_rng(0).uniform(0, 255, (2, 8, 8, 1))
    >>> explain.smooth_grad(model, images, samples=3).shape
    (2, 8, 8)

    Reference:

    - [Smilkov et al., 2017, SmoothGrad, section 3](
      https://arxiv.org/abs/1706.03825)
    """
    if not isinstance(samples, int) or samples < 1:
        raise invalid_argument("samples", samples, "a positive integer")
    if noise < 0:
        raise invalid_argument("noise", noise, "a number that is at least 0")
    images = explained_model.checked_images(model, images)
    explained = explained_model.ExplainedModel(model, images)
    gradients = class_maps.pixel_gradients(explained, images)
    generators = iter(np.random.default_rng(seed).spawn(len(images)))

    def make(batch, classes):
        drawn = [next(generators) for _ in batch]
        deviations = noise * np.ptp(batch, axis=(1, 2, 3))
        total = np.zeros_like(batch)
        for _ in range(samples):
            noisy = batch + [
                generator.normal(0.0, deviation, batch.shape[1:])
                for generator, deviation in zip(drawn, deviations, strict=True)
            ]
            total += gradients(noisy.astype("float32"), classes)
        return np.abs(total / samples).max(axis=-1)

    return class_maps.in_batches(explained, images, labels, batch_size, make)
