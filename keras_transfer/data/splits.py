"""Parts of a list of rows, and the weights of their classes."""

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name


def held_out(groups, validation_split, seed):
    """Which rows to hold out, at random in each group.

    Formula: of the `n_g` rows of a group

        clip(floor(n_g * validation_split + 1/2), 1, n_g - 1)

    are held out, none if `n_g = 1` or `validation_split = 0`.

    Args:
        groups: Integers `(rows,)`, such as labels.
        validation_split: Share, at least 0 and below 1.
        seed: Non-negative integer. With the number of the group it decides
            which rows.

    Returns:
        A boolean array `(rows,)`.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.splits import held_out
    >>> held_out(np.array([0, 0, 0, 0, 1, 1]), 0.25, seed=0).sum()
    np.int64(2)
    """
    is_out = np.zeros(len(groups), dtype=bool)
    if validation_split == 0:
        return is_out
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        count = int(len(rows) * validation_split + 0.5)
        count = min(max(count, 1), len(rows) - 1)
        generator = np.random.default_rng([seed, int(group)])
        is_out[generator.permutation(rows)[:count]] = True
    return is_out


def balanced_weights(labels, num_classes):
    """Weights `n / (num_classes * n_c)` by class, for `fit(class_weight=)`.

    Example:

    >>> from keras_transfer.data.splits import balanced_weights
    >>> balanced_weights([0, 1, 1], 2)
    {0: 1.5, 1: 0.75}
    """
    counts = np.bincount(labels, minlength=num_classes)
    weights = counts.sum() / (num_classes * counts)
    return dict(enumerate(weights.tolist()))


def check_seed(seed):
    """Refuses what is no seed of NumPy's generators."""
    if not isinstance(seed, int) or seed < 0:
        raise invalid_argument("seed", seed, "a non-negative integer")


def check_split(validation_split, seed):
    """Refuses a share or a seed that is out of range."""
    if not 0 <= validation_split < 1:
        raise invalid_argument(
            "validation_split", validation_split, "at least 0 and below 1"
        )
    check_seed(seed)


def check_batches(part, counts, batch_size, seed, maker):
    """Refuses what no batches can be made of.

    Args:
        part: `"train"` or `"validation"`, or else it is refused.
        counts: Dict from these to their numbers of rows.
        batch_size: Rows per batch.
        seed: Integer or `None`.
        maker: Name of the function that made the data, for the hint.
    """
    if part not in counts:
        raise unknown_name("part", part, counts)
    if not isinstance(batch_size, int) or batch_size < 1:
        raise invalid_argument("batch_size", batch_size, "a positive integer")
    if seed is not None:
        check_seed(seed)
    if not counts[part]:
        hint = f"Give {maker} a larger validation_split."
        raise invalid_argument("part", part, "a part with rows", hint)
