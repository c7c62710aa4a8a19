"""Activation maximization: an image that a class' logit is highest for."""

import keras
import numpy as np
from tqdm import tqdm

from keras_transfer._public import invalid_argument
from keras_transfer.explain import class_maps
from keras_transfer.explain import explained_model
from keras_transfer.explain.vis import vis


def activation_maximization(
    model,
    classes,
    steps=200,
    seed=0,
    size=None,
    value_range=(0.0, 255.0),
    total_variation=1.0,
    norm=0.3,
    verbose=1,
):
    """Makes images that a model takes for a class, from noise.

    Formula:

        image = argmax of logit(image) - total_variation * TV(image)
                - norm * mean of |image|

    by Adam, the image shifted and turned a little before each step; `TV`
    is the mean total variation. Both terms are in units of the whole
    `value_range`, so that their weights are in those of the logit.

    Bad at: looking real. It shows what the class is told from the others by,
    and of many such images one.

    Args:
        model: A built `keras.Model` with one image input and one output
            `(rows, classes)`, or a trainer around one.
        classes: Class number, or a list of them, an image for each.
        steps: Number of steps.
        seed: Integer, for images that repeat.
        size: `(height, width)`, where the model does not say.
        value_range: Smallest and largest pixel that the model is meant for.
        total_variation: Weight of the smoothness.
        norm: Weight that darkens what does not matter.
        verbose: 0 for no progress bar.

    Returns:
        Float32 `(classes, height, width, channels)` within `value_range`.

    Raises:
        ValueError: If the model has several inputs or outputs or declares an
            integer input, or an argument does not fit it.
        ImportError: If tf-keras-vis is not installed.

    Example:

    >>> import keras
    >>> from keras_transfer import explain
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
    ...     keras.layers.Flatten(), keras.layers.Dense(3)])
    >>> images = explain.activation_maximization(
    ...     model, [0, 2], steps=2, verbose=0)
    >>> images.shape
    (2, 8, 8, 1)

    Reference:

    - [Erhan et al., 2009, Visualizing Higher-Layer Features](
      https://www.researchgate.net/publication/265022827)
    - [Simonyan et al., 2014, section 2](https://arxiv.org/abs/1312.6034)
    """
    low, high = _checked_range(value_range)
    if not isinstance(steps, int) or steps < 1:
        raise invalid_argument("steps", steps, "a positive integer")
    classes = np.atleast_1d(np.asarray(classes))
    generator = np.random.default_rng(seed)
    shape = _image_shape(model, size)
    start = generator.uniform(low, high, (len(classes), *shape))
    start = start.astype("float32")
    explained = explained_model.ExplainedModel(model, start)
    explained.check_differentiable()
    labels = explained.classes(start, classes, len(classes))
    maximize = vis("activation_maximization").ActivationMaximization(
        class_maps.logits_graph(explained, start)
    )
    extent = high - low
    with tqdm(total=steps, unit="step", disable=not verbose) as bar:
        found = maximize(
            class_maps.class_score(labels),
            start,
            input_range=(low, high),
            input_modifiers=_modifiers(generator, shape),
            regularizers=_regularizers(total_variation, norm, extent),
            steps=steps,
            optimizer=_optimizer(extent),
            callbacks=[_progress(bar)],
        )
    return np.asarray(found, "float32")


def _checked_range(value_range):
    low, high = (float(value) for value in value_range)
    if not low < high:
        raise invalid_argument(
            "value_range", value_range, "a smaller and a larger number"
        )
    return low, high


def _image_shape(model, size):
    model = explained_model.checked_model(model)
    declared = tuple(model.inputs[0].shape) if model.inputs else None
    if declared is None or len(declared) != 4 or declared[-1] is None:
        raise ValueError(
            f"The model {model.name!r} declares no input (height, width, "
            f"channels). Received: {declared}. Give it a keras.Input."
        )
    height, width, channels = declared[1:]
    if size is not None:
        height, width = size
    if height is None or width is None:
        raise invalid_argument(
            "size", size, "(height, width), as the model takes any size"
        )
    return height, width, channels


def _modifiers(generator, shape):
    """A shift of some pixels and a turn of a degree, by the generator."""
    from scipy.ndimage import rotate

    most = max(1, min(4, min(shape[:2]) // 16))

    def shifted(images):
        shift = generator.integers(-most, most + 1, 2)
        return np.roll(np.asarray(images), shift, axis=(1, 2))

    def turned(images):
        return rotate(
            images,
            generator.uniform(-1.0, 1.0),
            axes=(1, 2),
            reshape=False,
            order=1,
            mode="reflect",
            prefilter=False,
        )

    # Those of tf-keras-vis take their random numbers from elsewhere.
    return [shifted, turned]


def _regularizers(total_variation, norm, extent):
    regularizers = vis("activation_maximization.regularizers")
    return [
        regularizers.TotalVariation2D(weight=total_variation / extent),
        regularizers.Norm(weight=norm / extent, p=1),
    ]


def _optimizer(extent):
    # The gradient of a pixel is small: the RMSprop of tf-keras-vis would be
    # slowed down by its epsilon, which Keras 3 adds under the root.
    return keras.optimizers.Adam(extent / 50.0, epsilon=1e-12)


def _progress(bar):
    callbacks = vis("activation_maximization.callbacks")

    class Progress(callbacks.Callback):
        def __call__(self, *args, **kwargs):
            bar.update()

    return Progress()
