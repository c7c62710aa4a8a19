"""Parts of a data set that share no class."""

import difflib
import math
import numbers

import numpy as np

from keras_transfer._public import invalid_argument
from keras_transfer.data.checks import checked_labels
from keras_transfer.data.domain_dataset import DomainDataset


def split_classes(labels, parts, seed=0):
    """Splits rows so that no class is in two parts.

    Few-shot learning is measured on classes that training never saw. Give the
    drawer, patient or camera of each row in place of its class to split by
    that. Which classes go where depends on their names and the seed alone, not
    on the order or number of the rows.

    Formula: with fractions `f_1, f_2, ...` of `n` classes in random order, part
    `k` takes those from `floor(n * (f_1 + ... + f_(k-1)) + 1/2)` to before
    `floor(n * (f_1 + ... + f_k) + 1/2)`.

    Args:
        labels: Integers or strings `(rows,)`; or a `DomainDataset`, whose
            classes go by their names if it knows them.
        parts: Positive fractions that sum to 1 at most; or, for each part, a
            collection of names of classes. What no part takes is left out.
        seed: Non-negative integer that decides the order; names need none.

    Returns:
        A list with an int64 array for each part: the numbers of its rows, in
        rising order.

    Raises:
        ValueError: If a part would get no class, a name is unknown or in two
            parts, or an argument is out of range.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> labels = np.array(["cat", "dog", "emu", "cat", "fox", "dog"])
    >>> kt.data.split_classes(labels, [["cat", "fox"], ["dog"]])
    [array([0, 3, 4]), array([1, 5])]
    >>> train, test = kt.data.split_classes(labels, [0.75, 0.25], seed=0)
    >>> set(labels[train]) & set(labels[test])
    set()
    """
    if isinstance(labels, DomainDataset):
        labels = labels.named_labels()
    labels = checked_labels(labels)
    if not len(labels):
        raise ValueError("`labels` is empty. Expected at least one row.")
    names, classes = np.unique(labels, return_inverse=True)
    parts = list(parts)
    if not parts:
        raise invalid_argument("parts", parts, "at least one part")
    if all(isinstance(part, numbers.Real) for part in parts):
        taken = _by_fraction(len(names), parts, seed)
    else:
        taken = _by_name(names.tolist(), parts)
    return [np.flatnonzero(np.isin(classes, part)) for part in taken]


def _by_fraction(num_classes, fractions, seed):
    if min(fractions) <= 0 or not math.fsum(fractions) <= 1 + 1e-9:
        raise invalid_argument(
            "parts", fractions, "positive fractions that sum to 1 at most"
        )
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise invalid_argument("seed", seed, "a non-negative integer")
    sums = [math.fsum(fractions[:end]) for end in range(len(fractions) + 1)]
    # Rounded first: sums such as 0.7 + 0.1 lie just below what is meant.
    ends = [int(round(num_classes * s, 6) + 0.5) for s in sums]
    order = np.random.default_rng(int(seed)).permutation(num_classes)
    taken = [order[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True)]
    if not all(len(part) for part in taken):
        raise invalid_argument(
            "parts",
            fractions,
            f"a class or more in each part, of {num_classes} classes",
        )
    return taken


def _by_name(names, parts):
    numbers_of_names = {name: number for number, name in enumerate(names)}
    part_of = {}
    for number, part in enumerate(parts):
        if isinstance(part, str | bytes | numbers.Real):
            raise invalid_argument(
                "parts", parts, "fractions alone, or collections of names alone"
            )
        for name in np.asarray(list(part)).tolist():
            if name not in numbers_of_names:
                raise _unknown(name, names)
            if part_of.setdefault(name, number) != number:
                raise ValueError(
                    f"Class {name!r} is in parts {part_of[name]} and {number} "
                    "of `parts`. Expected it in one."
                )
        if number not in part_of.values():
            raise invalid_argument(
                "parts", parts, "a class or more in each part"
            )
    taken = [[] for _ in parts]
    for name, number in part_of.items():
        taken[number].append(numbers_of_names[name])
    return taken


def _unknown(name, names):
    # Not all names: there are thousands in some data sets.
    close = difflib.get_close_matches(str(name), map(str, names), n=3)
    close = close or [str(name) for name in names[:3]]
    return ValueError(
        f"`parts` names class {name!r}, of which `labels` has no row. There "
        f"are {len(names)} classes, among them {', '.join(close)}."
    )
