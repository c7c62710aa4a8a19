"""Features of two domains in a plane."""

import numpy as np

from keras_transfer._public import unknown_name
from keras_transfer.data.feature_rows import feature_rows
from keras_transfer.explain import figures

SOURCE_COLOR, TARGET_COLOR = figures.COLORS[:2]
#: Most classes whose names a legend lists; more are only written in place.
MOST_IN_LEGEND = 12


def feature_maps(
    features, labels=None, method="tsne", class_names=None, seed=0, axes=None
):
    """Draws the features of both domains in two dimensions.

    The first row shows the domains: where their colours lie in separate
    places, a model can tell them apart. With `labels` a second row shows the
    same points by class: filled circles are of the source, open triangles of
    the target, grey ones have no label. Adaptation has worked where the
    triangles of a class lie on its circles. The name of a class stands above
    the middle of its source points.

    Each panel is embedded on its own: shapes can be compared between panels,
    positions cannot.

    Bad at: distances between clusters, which t-SNE and UMAP do not keep;
    PCA keeps them, as far as two directions show them.

    Args:
        features: Dict from a title to `(source_features, target_features)`,
            arrays `(rows, width)`. A few hundred rows each are enough.
        labels: Optional dict from the same titles to `(source_labels,
            target_labels)`, integers or strings `(rows,)`; either may be
            `None`.
        method: `"tsne"`, `"pca"`, or `"umap"`, which needs the package
            umap-learn.
        class_names: Names by class number, or `None`.
        seed: Integer, for a picture that repeats.
        axes: Optional list of matplotlib axes, one for each title, and with
            `labels` as many again for the second row.

    Returns:
        The matplotlib figure.

    Raises:
        ValueError: If the method is unknown, or features and labels do not
            fit each other.
        ImportError: If `method="umap"` and the package is not there.

    Example:

    >>> import numpy
    >>> from keras_transfer import explain
    >>> rng = numpy.random.default_rng(0)
    >>> batch = rng.normal(size=(20, 4))
    >>> figure = explain.feature_maps(
    ...     {"before": (batch, batch + 3)},
    ...     labels={"before": (numpy.arange(20) % 2, None)},
    ...     method="pca",
    ... )
    >>> figure.axes[0].get_title(loc="left")
    'before'
    >>> len(figure.axes)
    2

    Reference:

    - [van der Maaten & Hinton, 2008, Visualizing Data using t-SNE](
      https://jmlr.org/papers/v9/vandermaaten08a.html)
    - [McInnes, Healy & Melville, 2018, UMAP](
      https://arxiv.org/abs/1802.03426)
    """
    if method not in _METHODS:
        raise unknown_name("method", method, _METHODS)
    for title in labels or {}:
        if title not in features:
            raise unknown_name("labels", title, features)
    columns, rows = len(features), 2 if labels else 1
    figure, axes = figures.figure_of(
        axes, rows, columns, (4.5 * columns, 4.2 * rows)
    )
    numbers, classes = _class_numbers(labels or {}, class_names)
    for column, (title, pair) in enumerate(features.items()):
        source, target = (feature_rows(part) for part in pair)
        plane, names = _METHODS[method](np.concatenate([source, target]), seed)
        planes = plane[: len(source)], plane[len(source) :]
        _draw_domains(axes[column], planes)
        _name(axes[column], title, names)
        if labels:
            below = axes[columns + column]
            known = numbers.get(title, (None, None))
            _draw_classes(below, planes, _for_each_row(known, planes), classes)
            _name(below, f"{title}, by class", names)
    if labels:
        _draw_legend(axes[2 * columns - 1], classes)
    return figure


def _name(axis, title, names):
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel(names[0])
    axis.set_ylabel(names[1])


def _pca(rows, seed):
    from sklearn.decomposition import PCA

    # With one column the second direction is 0.
    solver = PCA(min(2, rows.shape[1]), random_state=seed)
    plane = np.zeros((len(rows), 2))
    plane[:, : solver.n_components] = solver.fit_transform(rows)
    shares = [*np.nan_to_num(solver.explained_variance_ratio_), 0.0][:2]
    return plane, [
        f"principal component {number} ({share:.0%} of variance)"
        for number, share in enumerate(shares, 1)
    ]


def _tsne(rows, seed):
    from sklearn.manifold import TSNE

    perplexity = min(30, (len(rows) - 1) / 3)
    init = "pca" if rows.shape[1] > 1 else "random"
    solver = TSNE(init=init, perplexity=perplexity, random_state=seed)
    return solver.fit_transform(rows), ["t-SNE 1", "t-SNE 2"]


def _umap(rows, seed):
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            'method="umap" needs umap-learn: pip install umap-learn. Without '
            'it take method="tsne" or method="pca".'
        ) from error
    neighbors = min(15, len(rows) - 1)
    # With a seed it runs in one thread; said here, else it warns.
    solver = UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1)
    return solver.fit_transform(rows), ["UMAP 1", "UMAP 2"]


_METHODS = {"tsne": _tsne, "pca": _pca, "umap": _umap}


def _draw_domains(axis, planes):
    for name, rows, color, marker in zip(
        ("source", "target"),
        planes,
        (SOURCE_COLOR, TARGET_COLOR),
        ("o", "^"),
        strict=True,
    ):
        axis.scatter(
            *rows.T, s=14, c=color, marker=marker, alpha=0.7, label=name
        )
    axis.legend(loc="best", fontsize=8)


def _class_numbers(labels, class_names):
    """Labels as numbers, for each title, and the names of those that occur.

    Integers stay what they are; other labels get the number of their place
    in the alphabet.
    """
    known = [
        np.asarray(part)
        for pair in labels.values()
        for part in pair
        if part is not None
    ]
    if not known:
        return labels, {}
    values = np.unique(np.concatenate(known))
    if values.dtype.kind in "iu":
        names = figures.class_labels(int(values.max()) + 1, class_names)
        return labels, {int(n): names[n] for n in values if n >= 0}
    numbers = {
        title: [
            None if part is None else np.searchsorted(values, part)
            for part in pair
        ]
        for title, pair in labels.items()
    }
    return numbers, dict(enumerate(map(str, values)))


def _for_each_row(numbers, planes):
    """Class numbers of both domains as arrays, -1 where there are none."""
    found = []
    for domain, known, rows in zip(
        ("source", "target"), numbers, planes, strict=True
    ):
        if known is None:
            known = np.full(len(rows), -1)
        if np.shape(known) != (len(rows),):
            raise ValueError(
                f"The {domain} labels have the shape {np.shape(known)} and "
                f"the {domain} features {len(rows)} rows. Expected one label "
                "for each row."
            )
        found.append(np.asarray(known))
    return found


def _draw_classes(axis, planes, numbers, classes):
    from matplotlib.patheffects import withStroke

    def colors(found):
        return [
            figures.class_color(number) if number >= 0 else figures.GREY
            for number in found
        ]

    source, target = planes
    axis.scatter(*source.T, s=14, c=colors(numbers[0]), alpha=0.6, lw=0)
    axis.scatter(
        *target.T,
        s=16,
        marker="^",
        facecolors="none",
        edgecolors=colors(numbers[1]),
        alpha=0.8,
        linewidths=0.8,
    )
    outline = [withStroke(linewidth=2.5, foreground="white")]
    for number, name in classes.items():
        # At the source's rows, or the target's where the source has none.
        domain = 0 if (numbers[0] == number).any() else 1
        rows = planes[domain][numbers[domain] == number]
        if not len(rows):
            continue
        axis.annotate(
            name,
            np.median(rows, axis=0),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            color=[0.75 * c for c in figures.class_color(number)],
            path_effects=outline,
        )


def _draw_legend(axis, classes):
    """Beside the axis, so that it hides no point."""
    from matplotlib.lines import Line2D

    def entry(label, **style):
        return Line2D([], [], ls="", label=label, **style)

    handles = [
        entry("source", c="k", marker="o", ms=4),
        entry("target", c="k", marker="^", ms=5, mfc="none"),
    ]
    if len(classes) <= MOST_IN_LEGEND:
        handles += [
            entry(name, c=figures.class_color(number), marker="s", ms=5)
            for number, name in sorted(classes.items())
        ]
    axis.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        fontsize=8,
        frameon=False,
    )
