"""Weights that have the same shapes in the same order, whatever their names."""

from keras_transfer.finetune.weight_layouts import UnfitError
from keras_transfer.finetune.weight_layouts import layout_of

_EXACT, _LOOSE = 2, 1


def match_order(sources, targets, loose=False):
    """Pairs layers so that as many as possible fit, in order.

    It is the longest common subsequence of both lists of layers, where two
    layers are common if all their weights are of the same kind and shape.

    Args:
        sources: List of `Weight`.
        targets: List of `Weight` of a model.
        loose: Whether shapes may differ in their sizes. Equal ones are
            preferred.

    Returns:
        List of pairs `(source, target)`.
    """
    ours, theirs = _layers(sources), _layers(targets)
    if not any(source.path for source in sources):
        # Bare names tell no layers: each array stands for itself.
        ours = [[source] for source in sources]
        theirs = [[target] for target in targets]
    fits = _fits(ours, theirs, loose)
    pairs = []
    for row, column in _common(fits, len(ours), len(theirs)):
        pairs += _paired(ours[row], theirs[column])
    return pairs


def _layers(weights):
    layers = {}
    for weight in weights:
        layers.setdefault(weight.path, []).append(weight)
    return list(layers.values())


def _fits(ours, theirs, loose):
    """Dict from places in both lists to how well the layers fit, if at all."""
    fits = {}
    for row, layer in enumerate(ours):
        for column, other in enumerate(theirs):
            worth = _worth(layer, other)
            if worth == _EXACT or (loose and worth == _LOOSE):
                fits[row, column] = worth
    return fits


def _worth(layer, other):
    pairs = _paired(layer, other)
    if pairs is None:
        return 0
    worth = _EXACT
    for source, target in pairs:
        try:
            shape = layout_of(source, target).shape
        except UnfitError:
            return 0
        if shape != target.shape:
            worth = _LOOSE
        if len(shape) != len(target.shape):
            return 0
    return worth


def _paired(layer, other):
    """Pairs the weights of two layers, or `None` if one has others."""
    if len(layer) != len(other):
        return None
    if not layer[0].path:
        return list(zip(layer, other, strict=True))
    by_role = {target.role_for(layer[0]): target for target in other}
    if {source.role for source in layer} != set(by_role):
        return None
    return [(source, by_role[source.role]) for source in layer]


def _common(fits, rows, columns):
    """The common subsequence of most worth, the earliest of several."""
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            best[row][column] = max(
                best[row + 1][column],
                best[row][column + 1],
                best[row + 1][column + 1] + fits.get((row, column), 0),
            )
    row = column = 0
    while row < rows and column < columns:
        worth = fits.get((row, column), 0)
        if worth and best[row][column] == worth + best[row + 1][column + 1]:
            yield row, column
            row, column = row + 1, column + 1
        elif best[row][column] == best[row][column + 1]:
            column += 1
        else:
            row += 1
