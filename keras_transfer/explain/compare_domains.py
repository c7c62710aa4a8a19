"""Two models of one task on two domains, in one picture."""

import numpy as np
from keras import ops
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.adaptation import feature_tap
from keras_transfer.data import checks
from keras_transfer.data.domain_dataset import DomainDataset
from keras_transfer.data.model_outputs import plain_model
from keras_transfer.explain.attribution_pictures import attribution_pictures
from keras_transfer.explain.class_distance_chart import class_distance_chart
from keras_transfer.explain.class_distances import class_distances
from keras_transfer.explain.confusion_matrices import confusion_matrices
from keras_transfer.explain.feature_maps import feature_maps
from keras_transfer.explain.grad_cam import grad_cam
from keras_transfer.explain.predictions import probabilities_of
from keras_transfer.transferability.inputs import true_classes

_IMAGES = 6
_BATCH = 64
_WIDTH = 12.0
_TITLES = ("before", "after")


def compare_domains(
    before,
    after,
    source,
    target,
    features=None,
    class_names=None,
    rows=500,
    seed=0,
):
    """Draws what adaptation changed: features, confusions, distances, maps.

    From the top: the features of both domains before and after, by domain
    and by class; the confusion matrices; the distance of the domains' means
    of each class; and for images the Grad-CAM of a few rows of the target,
    which needs the extra `explain`. What needs the labels of the target is
    left out where there are none, as is Grad-CAM where it cannot be had.

    Bad at: showing that an adaptation is good. It draws the rows that it is
    given: take ones that were not trained on.

    Args:
        before: A built `keras.Model`, as trained on the source alone; or a
            trainer of this package, whose plain model is taken.
        after: The adapted model, of the same task.
        source: A `data.DomainDataset`; or `(x, y)`: inputs `(rows, ...)`, or
            a nest of them, and integer labels `(rows,)`.
        target: Likewise, or `x` alone.
        features: As for `DomainAdaptation`: the name of a layer, or a list of
            names, whose features are then joined; by default the inputs of
            the last layer with a kernel.
        class_names: Names by class number; by default those of the source,
            or `None`.
        rows: Most rows of each domain, drawn by `seed`.
        seed: Non-negative integer, also of t-SNE.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If the arrays do not fit each other, or the features are
            not found.

    Example:

    >>> import keras, numpy as np
    >>> from keras_transfer import explain
    >>> before, after = (
    ...     keras.Sequential(
    ...         [
    ...             keras.Input((4,)),
    ...             keras.layers.Dense(8, "relu"),
    ...             keras.layers.Dense(2),
    ...         ]
    ...     )
    ...     for _ in range(2)
    ... )
    >>> x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
    >>> y = (x[:, 0] > 0).astype("int32")
    >>> figure = explain.compare_domains(before, after, (x, y), (x + 1, y))
    >>> [axis.get_title(loc="left") for axis in figure.axes][:2]
    ['before', 'after']
    """
    from matplotlib.figure import Figure

    x, y = _chosen(source, "source", rows, seed)
    if y is None:
        raise invalid_argument(
            "source", "inputs alone", "(x, y), with the labels of the source"
        )
    target_x, target_y = _chosen(target, "target", rows, seed)
    if class_names is None and isinstance(source, DomainDataset):
        class_names = source.class_names
    models = dict(
        zip(_TITLES, (plain_model(before), plain_model(after)), strict=True)
    )
    found = {}
    for title, model in models.items():
        tap = feature_tap.tap(model, features)
        found[title] = _evaluated(tap, x), _evaluated(tap, target_x)
    panels = [
        _feature_panel(found, (y, target_y), class_names, seed),
        _confusion_panel(found, (y, target_y), class_names),
    ]
    if target_y is not None:
        panels.append(_distance_panel(found, (y, target_y), class_names))
    panels += _attribution_panels(models, target_x)
    heights = [height for height, _ in panels]
    figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(panels), 1, height_ratios=heights)
    for part, (_, draw) in zip(np.atleast_1d(parts), panels, strict=True):
        draw(part)
    return figure


def _chosen(domain, name, rows, seed):
    """`(x, y)` of at most so many rows; `y` is `None` where not given."""
    if isinstance(domain, DomainDataset):
        domain = _of_dataset(domain, rows, seed)
    x, y = domain if isinstance(domain, tuple) else (domain, None)
    x = tree.map_structure(np.asarray, x)
    count = checks.num_rows(x, name)
    if y is not None:
        y = true_classes(y, count, f"{name} labels")
    if count <= rows:
        return x, y
    chosen = _draw(count, rows, seed)
    x = tree.map_structure(lambda leaf: leaf[chosen], x)
    return x, None if y is None else y[chosen]


def _of_dataset(domain, rows, seed):
    """Arrays of a `DomainDataset`; of one on disk only so many rows."""
    if domain.in_memory or len(domain) <= rows:
        return domain.arrays()
    return domain.taken(_draw(len(domain), rows, seed)).arrays()


def _draw(count, rows, seed):
    return np.sort(np.random.default_rng(seed).permutation(count)[:rows])


def _evaluated(tap, x):
    """Features `(rows, width)` and probabilities `(rows, num_classes)`."""
    features, outputs = [], []
    for start in range(0, len(tree.flatten(x)[0]), _BATCH):
        rows = slice(start, start + _BATCH)
        batch = tree.map_structure(lambda leaf, rows=rows: leaf[rows], x)
        parts, scores = tap(batch, training=False)
        features.append(
            np.concatenate([ops.convert_to_numpy(p) for p in parts], axis=-1)
        )
        outputs.append(ops.convert_to_numpy(scores))
    return np.concatenate(features), probabilities_of(np.concatenate(outputs))


def _feature_panel(found, labels, class_names, seed):
    def draw(part):
        feature_maps(
            {
                title: (source[0], target[0])
                for title, (source, target) in found.items()
            },
            labels=dict.fromkeys(found, labels),
            class_names=class_names,
            seed=seed,
            axes=part.subplots(2, len(found)).ravel(),
        )

    return 10.0, draw


def _confusion_panel(found, labels, class_names):
    matrices = {
        f"{domain}, {title}": (known, results[number][1])
        for number, (domain, known) in enumerate(
            zip(("source", "target"), labels, strict=True)
        )
        if known is not None
        for title, results in found.items()
    }
    rows = len(matrices) // 2

    def draw(part):
        confusion_matrices(
            matrices, class_names, axes=part.subplots(rows, 2).ravel()
        )

    return 5.0 * rows, draw


def _distance_panel(found, labels, class_names):
    num_classes = next(iter(found.values()))[0][1].shape[1]
    distances = {
        title: class_distances(
            source[0], labels[0], target[0], labels[1], num_classes
        )
        for title, (source, target) in found.items()
    }

    def draw(part):
        class_distance_chart(distances, class_names, axes=[part.subplots()])

    return 1.2 + 0.25 * num_classes, draw


def _attribution_panels(models, images):
    """Grad-CAM of both models; nothing where it cannot be had."""
    if not isinstance(images, np.ndarray) or images.ndim != 4:
        return []
    images = images[:_IMAGES]
    try:
        maps = {
            f"Grad-CAM, {title}": grad_cam(model, images)
            for title, model in models.items()
        }
    # Without the extra, or without a layer that has places.
    except (ImportError, ValueError):
        return []

    def draw(part):
        # An image is a column here, as there are more of them than maps.
        grid = part.subplots(1 + len(maps), len(images), squeeze=False)
        attribution_pictures(images, maps, axes=grid.T.ravel())

    return [(2.2 * (1 + len(maps)), draw)]
