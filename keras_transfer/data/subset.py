"""Parts of a labelled data set: classes, rows per class, imbalance."""

import difflib
import numbers

import numpy as np
import scipy.sparse
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer._public import is_integer
from keras_transfer.data.checks import checked_labels


def subset(x, y, classes=None, per_class=None, imbalance=None, seed=0):
    """Takes some classes, and so many rows of each, by seed.

    Formula: with `C` classes of `n_1, ..., n_C` rows and the imbalance `r`
    class `k` keeps

        m_k = floor(m * r^(-(k - 1) / (C - 1)))

    rows: `m` of the first class, `m / r` of the last, an exponential profile
    between. `m` is `per_class`, or by default the most that every class can
    give. Without `imbalance` each class keeps `per_class` rows, or all.

    The rows that are kept stay in their order, and labels keep their values:
    renumber them with `np.unique(y, return_inverse=True)` if a loss wants
    0, 1, .... Which rows depends on `seed` and the class alone; a larger
    `per_class` keeps those of a smaller one.

    Bad at: many tiny classes, of which a strong imbalance would leave
    nothing; it is refused.

    Args:
        x: Array `(rows, ...)`, a sparse matrix, or a nest of arrays.
        y: Integers or strings `(rows,)`.
        classes: Labels to keep, by default all, sorted. With `imbalance` the
            first keeps the most rows.
        per_class: Rows to keep of each class, of the first with `imbalance`.
        imbalance: Ratio of the largest to the smallest class, at least 1.
        seed: Non-negative integer that decides which rows are kept.

    Returns:
        `(x, y)` of the rows that are kept.

    Raises:
        ValueError: If a class is unknown, has too few rows or would keep
            none, or an argument is out of range.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> x, y = np.arange(60), np.repeat([0, 1, 2], 20)
    >>> few, labels = kt.data.subset(x, y, classes=[0, 2], per_class=3)
    >>> labels
    array([0, 0, 0, 2, 2, 2])
    >>> _, labels = kt.data.subset(x, y, imbalance=4)
    >>> np.bincount(labels)
    array([20, 10,  5])

    Reference:

    - [Cui et al., 2019, Class-Balanced Loss Based on Effective Number of
      Samples, section 5.1](https://arxiv.org/abs/1901.05555), for the profile
    """
    y = checked_labels(y)
    x = _as_rows(x)
    for leaf in tree.flatten(x):
        if leaf.shape[0] != len(y):
            raise ValueError(
                f"`x` has {leaf.shape[0]} rows and `y` {len(y)}. Expected one "
                "label for each row."
            )
    rows = subset_rows(y, classes, per_class, imbalance, seed)
    return tree.map_structure(lambda leaf: leaf[rows], x), y[rows]


def subset_rows(labels, classes=None, per_class=None, imbalance=None, seed=0):
    """Numbers of the rows that `subset` keeps.

    Args:
        labels: Array `(rows,)`.
        classes: As in `subset`.
        per_class: As in `subset`.
        imbalance: As in `subset`.
        seed: As in `subset`.

    Returns:
        int64 array, rising.

    Raises:
        ValueError: As in `subset`.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.subset import subset_rows
    >>> subset_rows(np.array([2, 1, 2, 1]), classes=[1])
    array([1, 3])
    """
    _check_numbers(per_class, imbalance, seed)
    names, groups = np.unique(labels, return_inverse=True)
    chosen = _chosen(names, classes)
    counts = np.bincount(groups, minlength=len(names))[chosen]
    wanted = _wanted(names[chosen], counts, per_class, imbalance)
    kept = []
    for group, number in zip(chosen, wanted, strict=True):
        rows = np.flatnonzero(groups == group)
        if number < len(rows):
            # The class is part of the seed: other classes change nothing.
            generator = np.random.default_rng([int(seed), int(group)])
            rows = generator.permutation(rows)[:number]
        kept.append(rows)
    return np.sort(np.concatenate(kept))


def _as_rows(x):
    if scipy.sparse.issparse(x):
        return x.tocsr()
    if isinstance(x, list):
        return np.asarray(x)
    return tree.map_structure(np.asarray, x)


def _check_numbers(per_class, imbalance, seed):
    for name, value, least, kind in (
        ("per_class", per_class, 1, "a positive integer or None"),
        ("seed", seed, 0, "a non-negative integer"),
    ):
        if value is None and name != "seed":
            continue
        if not is_integer(value, least):
            raise invalid_argument(name, value, kind)
    if imbalance is None:
        return
    if not isinstance(imbalance, numbers.Real) or not 1 <= imbalance < np.inf:
        raise invalid_argument(
            "imbalance", imbalance, "a number of at least 1 or None"
        )


def _chosen(names, classes):
    """Positions of the classes in `names`, in the order asked for."""
    if classes is None:
        chosen = list(range(len(names)))
    else:
        positions = {name: place for place, name in enumerate(names.tolist())}
        asked = np.asarray(list(classes)).tolist()
        for name in asked:
            if name not in positions:
                raise _unknown_class(name, names)
        if len(set(asked)) < len(asked):
            raise invalid_argument("classes", asked, "each class once")
        chosen = [positions[name] for name in asked]
    if not chosen:
        raise invalid_argument("classes", classes, "a class or more")
    return chosen


def _unknown_class(name, names):
    # Not all names: there are hundreds in some data sets.
    known = [str(known) for known in names]
    close = difflib.get_close_matches(str(name), known, n=3) or known[:3]
    return ValueError(
        f"`classes` names class {name!r}, of which there is no row. There are "
        f"{len(names)} classes, among them {', '.join(close)}."
    )


def _wanted(names, counts, per_class, imbalance):
    """How many rows each class keeps."""
    if imbalance is None:
        if per_class is None:
            return counts
        profile = np.ones(len(counts))
    else:
        profile = imbalance ** -np.linspace(0.0, 1.0, len(counts))
    if per_class is None:
        # Rounded first: a quotient may lie just below a whole number.
        per_class = np.floor(np.round(counts / profile, 6)).min()
    wanted = np.floor(np.round(per_class * profile, 6)).astype("int64")
    if wanted.min() < 1:
        raise invalid_argument(
            "imbalance",
            imbalance,
            f"at most {int(per_class)}, the rows of the largest class",
            "The smallest class would keep no row.",
        )
    short = np.flatnonzero(counts < wanted)
    if len(short):
        first = short[0]
        raise ValueError(
            f"Class {names[first].item()!r} has {counts[first]} rows, and "
            f"{wanted[first]} are asked for. Lower `per_class` or leave the "
            "class out of `classes`."
        )
    return wanted
