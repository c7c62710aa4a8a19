"""How training went, epoch by epoch."""

from keras_transfer.explain import figures

_VALIDATION = "val_"


def learning_curves(histories, metrics=None, axes=None):
    """Draws metrics over epochs, several trainings in one picture.

    One panel for each metric. A training has one colour; its validation
    figures are a solid line, those of training a dashed one.

    Bad at: trainings with epochs of different sizes, whose axes mean
    different things.

    Args:
        histories: Dict from a title to what `fit` returned, or to its
            `history`, a dict from a metric to a list of one value per epoch.
        metrics: Names without `val_`; by default all that any training has.
        axes: Optional list of matplotlib axes, one for each metric.

    Returns:
        The matplotlib figure.

    Example:

    >>> from keras_transfer import explain
    >>> figure = explain.learning_curves(
    ...     {"head only": {"loss": [1.0, 0.5], "val_loss": [1.1, 0.8]}}
    ... )
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['head only', 'head only, training']
    """
    from matplotlib.ticker import MaxNLocator

    histories = {
        title: getattr(history, "history", history)
        for title, history in histories.items()
    }
    metrics = list(metrics or _metrics_of(histories))
    columns = len(metrics)
    figure, axes = figures.figure_of(axes, 1, columns, (4.8 * columns, 3.6))
    for axis, metric in zip(axes, metrics, strict=True):
        for number, (title, history) in enumerate(histories.items()):
            color = figures.COLORS[number % len(figures.COLORS)]
            for key, label, style in (
                (_VALIDATION + metric, title, "-"),
                (metric, f"{title}, training", "--"),
            ):
                values = history.get(key, [])
                if len(values):
                    axis.plot(
                        range(1, len(values) + 1),
                        values,
                        style,
                        color=color,
                        marker="o" if len(values) == 1 else None,
                        label=label,
                    )
        axis.set_xlabel("epoch")
        axis.set_ylabel(metric.replace("_", " "))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.legend(loc="best", fontsize=8)
    return figure


def _metrics_of(histories):
    names = {}
    for history in histories.values():
        for key in history:
            if key != "learning_rate":
                names[key.removeprefix(_VALIDATION)] = None
    return names
