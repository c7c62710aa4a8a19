"""Two domains side by side: their images, and their features in a plane."""

import numpy as np

from keras_transfer.explain import figures

SOURCE_COLOR, TARGET_COLOR = figures.COLORS[:2]


def domain_samples(source, target, columns=10, axes=None):
    """Draws images of both domains, one row each.

    Args:
        source: Images `(rows, height, width, 1 or 3)`, 0..255.
        target: Images of the same kind.
        columns: Number of images per domain.
        axes: Optional pair of matplotlib axes to draw into.

    Returns:
        The matplotlib figure.

    Example:

    >>> import numpy
    >>> from keras_transfer import explain
    >>> images = numpy.zeros((4, 8, 8, 3), "uint8")
    >>> figure = explain.domain_samples(images, images, columns=4)
    >>> len(figure.axes)
    2
    """
    figure, axes = figures.figure_of(
        axes, rows=2, columns=1, size=(columns, 2.4)
    )
    for axis, name, images in zip(
        axes, ("source", "target"), (source, target), strict=True
    ):
        strip = np.concatenate(list(np.asarray(images[:columns])), axis=1)
        axis.imshow(strip.astype("uint8").squeeze(), cmap="gray")
        axis.set_title(f"{name} images", loc="left", fontsize=10)
        axis.set_axis_off()
    return figure


def feature_maps(features, seed=0, axes=None):
    """Draws the features of both domains in two dimensions (t-SNE).

    Where the two colours lie in separate places, a model can tell the domains
    apart. Each panel is embedded on its own: shapes can be compared between
    panels, positions cannot.

    Bad at: distances between clusters, which t-SNE does not keep.

    Args:
        features: Dict from a title to `(source_features, target_features)`,
            arrays `(rows, width)`. A few hundred rows each are enough.
        seed: Integer, for a picture that repeats.
        axes: Optional list of matplotlib axes, one for each title.

    Returns:
        The matplotlib figure.

    Example:

    >>> import numpy
    >>> from keras_transfer import explain
    >>> rng = numpy.random.default_rng(0)
    >>> batch = rng.normal(size=(20, 4))
    >>> figure = explain.feature_maps({"before": (batch, batch + 3)})
    >>> figure.axes[0].get_title(loc="left")
    'before'

    Reference:

    - [van der Maaten & Hinton, 2008, Visualizing Data using t-SNE](
      https://jmlr.org/papers/v9/vandermaaten08a.html)
    """
    from sklearn.manifold import TSNE

    columns = len(features)
    figure, axes = figures.figure_of(axes, 1, columns, (4.5 * columns, 4.2))
    for axis, (title, (source, target)) in zip(
        axes, features.items(), strict=True
    ):
        both = np.concatenate([source, target])
        perplexity = min(30, (len(both) - 1) / 3)
        plane = TSNE(
            init="pca", perplexity=perplexity, random_state=seed
        ).fit_transform(both)
        for name, rows, color, marker in (
            ("source", plane[: len(source)], SOURCE_COLOR, "o"),
            ("target", plane[len(source) :], TARGET_COLOR, "^"),
        ):
            axis.scatter(
                *rows.T, s=14, c=color, marker=marker, alpha=0.7, label=name
            )
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_xlabel("t-SNE 1")
        axis.set_ylabel("t-SNE 2")
        axis.legend(loc="best", fontsize=8)
    return figure
