"""Labelled examples from any source, sorted by class."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.data import checks
from keras_transfer.data.domain_dataset import DomainDataset
from keras_transfer.data.image_folder import ImageFolder

#: Bytes that a `tf.data.Dataset` may fill when it is gathered.
MEMORY_LIMIT = 4 * 2**30

_GATHERED_ROWS = 256


class ClassExamples(NamedTuple):
    """Examples, and which of them belong to which class.

    Attributes:
        rows: Array or nest of arrays `(rows, ...)`, in the order given.
        order: Numbers of the rows, int64 `(rows,)`, class after class.
        counts: Number of examples of each class, int64 `(classes,)`.
        names: Names of the classes.
        load: Function from stored rows to examples, or `None`.
    """

    rows: Any
    order: np.ndarray
    counts: np.ndarray
    names: list
    load: Callable | None = None


def class_examples(images, labels=None, memory_limit=MEMORY_LIMIT):
    """Sorts examples by class and checks them.

    Arrays are not copied.

    Args:
        images: What `episodes` takes.
        labels: What `episodes` takes.
        memory_limit: Bytes that a dataset may fill.

    Returns:
        A `ClassExamples`.

    Raises:
        ValueError: If there is nothing, a value is NaN or infinite, or labels
            are missing, too many or no names of classes.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.class_examples import class_examples
    >>> examples = class_examples(np.zeros((3, 2)), ["b", "a", "b"])
    >>> examples.names, examples.counts, examples.order
    (['a', 'b'], array([1, 2]), array([1, 0, 2]))
    """
    if isinstance(images, Mapping) and labels is None:
        return _of_mapping(images)
    load = images.load if isinstance(images, ImageFolder) else None
    images, labels = _arrays(images, labels, memory_limit)
    images = tree.map_structure(np.asarray, _without_lists(images))
    labels = checks.checked_labels(labels)
    _check_rows(images, labels)
    checks.check_finite(images, "`images`")
    names, classes = np.unique(labels, return_inverse=True)
    return ClassExamples(
        images,
        np.argsort(classes, kind="stable"),
        np.bincount(classes),
        names.tolist(),
        load,
    )


def _arrays(images, labels, memory_limit):
    """`(images, labels)` of any source but a mapping."""
    kinds = DomainDataset | ImageFolder | tf.data.Dataset
    if isinstance(images, kinds) and labels is not None:
        raise ValueError(
            "A DomainDataset, an ImageFolder or a tf.data.Dataset brings its "
            "labels with it. Leave `labels` out."
        )
    if isinstance(images, DomainDataset):
        return _of_domain(images, memory_limit)
    if isinstance(images, ImageFolder):
        paths, numbers = images.train
        if numbers is None:
            raise ValueError(
                "The image folder has no labels. Make it with labelled=True."
            )
        return paths, np.asarray(images.class_names)[numbers]
    if isinstance(images, tf.data.Dataset):
        return _gathered(images, memory_limit)
    if labels is None:
        raise ValueError(
            "`labels` is missing. Expected one label for each row of `images`;"
            " or for `images` a mapping of class to examples, an ImageFolder, "
            f"or a tf.data.Dataset of (x, y). Received: {_kind(images)}."
        )
    return images, labels


def _of_domain(domain, memory_limit):
    """`(images, labels)` of a domain, by name where it knows names."""
    if domain.in_memory:
        images = domain.arrays()[0]
    else:
        domain.check_shape("episodes()")
        images = _gathered(domain.dataset, memory_limit)[0]
    return images, domain.named_labels()


def _of_mapping(examples):
    """Examples of a mapping, whose order of classes stays."""
    if not examples:
        raise ValueError("`images` is an empty mapping: there is no class.")
    names = list(examples)
    groups = [
        _stacked(group, f"Class {name!r}") for name, group in examples.items()
    ]
    first = groups[0]
    for name, group in zip(names, groups, strict=True):
        if not len(group):
            raise ValueError(
                f"Class {name!r} has no examples. Leave it out of the mapping."
            )
        if group.shape[1:] != first.shape[1:] or group.dtype != first.dtype:
            raise ValueError(
                f"Examples of class {name!r} have shape {group.shape[1:]} and "
                f"dtype {group.dtype}, those of class {names[0]!r} shape "
                f"{first.shape[1:]} and dtype {first.dtype}. Make them alike."
            )
        checks.check_finite(group, f"Class {name!r}")
    rows = np.concatenate(groups)
    counts = np.array([len(group) for group in groups])
    return ClassExamples(rows, np.arange(len(rows)), counts, names)


def _gathered(dataset, memory_limit):
    """All rows of a dataset as arrays."""
    _check_dataset(dataset)
    batches, size = [], 0
    for batch in dataset.batch(_GATHERED_ROWS).as_numpy_iterator():
        batches.append(batch)
        size += sum(leaf.nbytes for leaf in tree.flatten(batch))
        if size > memory_limit:
            raise invalid_argument(
                "memory_limit",
                memory_limit,
                "as many bytes as the dataset fills when it is gathered",
                f"The first {len(batches) * _GATHERED_ROWS} rows fill {size} "
                "bytes. Take fewer or smaller ones, give integers and convert "
                "in `example_map`, or raise the limit.",
            )
    if not batches:
        raise ValueError("The dataset is empty. Expected at least one row.")
    return tree.map_structure(lambda *parts: np.concatenate(parts), *batches)


def _check_dataset(dataset):
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError(
            f"The dataset must give pairs (x, y). Received: {spec}."
        )
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "The dataset has no end, and all of it is gathered. Leave out "
            "`.repeat()`, or end it with `.take(number)`."
        )
    inputs, label = spec
    if not isinstance(label, tf.TensorSpec) or label.shape.rank != 0:
        raise ValueError(
            "Each row of the dataset must have one label, a scalar. Received: "
            f"{label}. Undo batches with `.unbatch()`; map one-hot labels to "
            "their argmax."
        )
    for leaf in tree.flatten(inputs):
        if not leaf.shape.is_fully_defined():
            raise ValueError(
                "All examples of the dataset must have one known shape. "
                f"Received: {leaf}. Resize images or pad texts in a `.map` "
                "before."
            )


def _without_lists(images):
    """Lists of examples as arrays; what is in dicts and tuples stays apart."""
    if isinstance(images, list):
        return _stacked(images, "`images`")
    if isinstance(images, Mapping):
        return {name: _without_lists(part) for name, part in images.items()}
    if isinstance(images, tuple):
        return tuple(_without_lists(part) for part in images)
    return images


def _stacked(examples, subject):
    """Examples as one array."""
    shapes = {np.shape(example) for example in examples}
    if len(shapes) > 1:
        raise ValueError(
            f"{subject} has examples of different shapes: "
            f"{sorted(shapes)[:3]}. Resize images or pad texts before."
        )
    return np.asarray(examples)


def _check_rows(images, labels):
    for leaf in tree.flatten(images):
        rows = leaf.shape[0] if leaf.ndim else 0
        if rows != len(labels):
            raise ValueError(
                f"`labels` has {len(labels)} rows and `images` {rows}. "
                "Expected one label for each row."
            )
    if not len(labels):
        raise ValueError("`images` is empty. Expected at least one row.")


def _kind(images):
    shape = np.shape(images) if isinstance(images, np.ndarray) else None
    return type(images).__name__ + (f" of shape {shape}" if shape else "")
