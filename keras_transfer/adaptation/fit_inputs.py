"""What `fit` was given, checked before training."""

import math
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.data import checks

_PAIR = {"source", "target"}


class FitPlan(NamedTuple):
    """How an epoch of `fit` looks.

    Attributes:
        steps_per_epoch: Number of steps.
        is_dataset: Whether `x` is a `tf.data.Dataset`.
        epoch: The variable by which the data know their epoch, or `None`.
    """

    steps_per_epoch: int
    is_dataset: bool
    epoch: Any


def is_pair(x):
    """Whether `x` is a dict of exactly `source` and `target`."""
    return isinstance(x, dict) and set(x) == _PAIR


def split_labels(y):
    """The source's and the target's labels; the latter may be `None`."""
    return (y["source"], y["target"]) if is_pair(y) else (y, None)


def plan(x, y, terms, batch_size=None, steps=None, held_out=0.0):
    """Checks the data of `fit` and counts its steps.

    Args:
        x: As given to `fit`.
        y: As given to `fit`.
        terms: The terms that are switched on.
        batch_size: As given to `fit`.
        steps: `steps_per_epoch` as given to `fit`.
        held_out: `validation_split` as given to `fit`.

    Returns:
        A `FitPlan`.

    Raises:
        ValueError: If the data do not fit the trainer.
    """
    if isinstance(x, tf.data.Dataset):
        spec = x.element_spec
        spec = spec if isinstance(spec, tuple) else (spec,)
        _check_batch(spec[0], spec[1] if len(spec) > 1 else None, terms)
        return FitPlan(
            steps_per_epoch=_steps_of(x, steps),
            is_dataset=True,
            epoch=getattr(x, "epoch", None),
        )
    if isinstance(x, keras.utils.PyDataset):
        batch = x[0]
        _check_batch(batch[0], batch[1] if len(batch) > 1 else None, terms)
        return FitPlan(steps or len(x), is_dataset=False, epoch=None)
    if not is_pair(x):
        raise _no_pair(type(x).__name__)
    _check_arrays(x)
    rows = int(len(tree.flatten(x)[0]) * (1 - held_out))
    batch_size = min(batch_size or 32, rows)
    for term in terms:
        if 0 < rows % batch_size < term.minimum_rows:
            raise ValueError(
                f"The term {term.name!r} needs at least {term.minimum_rows} "
                f"rows in a batch. {rows} rows in batches of {batch_size} "
                f"leave a last one of {rows % batch_size}; use another batch "
                "size, or keras_transfer.data.pair_domains."
            )
    specs = tree.map_structure(
        lambda array: tf.TensorSpec(
            [batch_size, *array.shape[1:]], array.dtype
        ),
        x,
    )
    _check_batch(specs, y, terms)
    return FitPlan(
        steps or math.ceil(rows / batch_size), is_dataset=False, epoch=None
    )


def _check_arrays(x):
    for name, arrays in x.items():
        arrays = tree.map_structure(np.asarray, arrays)
        checks.num_rows(arrays, name)
        checks.check_finite(arrays, f"The {name} domain")


def _no_pair(received):
    return ValueError(
        "DomainAdaptation is trained on pairs of batches, a dict with the "
        "keys 'source' and 'target'. Make them with "
        "keras_transfer.data.pair_domains(source, target). Received: "
        f"{received}."
    )


def _steps_of(dataset, steps):
    length = int(dataset.cardinality())
    if length == 0:
        raise ValueError("The dataset is empty. Expected at least one batch.")
    if steps is None and length < 0:
        raise ValueError(
            "The length of the dataset is not known, so that the progress of "
            "training is not either. Pass steps_per_epoch= to fit."
        )
    if steps is not None and hasattr(dataset, "epoch") and 0 < length < steps:
        raise invalid_argument(
            "steps_per_epoch",
            steps,
            f"at most {length}, the number of batches in the pairs",
            "Give pair_domains a larger steps_per_epoch= for longer epochs.",
        )
    return steps or length


def _check_batch(x, y, terms):
    if not is_pair(x):
        raise _no_pair(tree.map_structure(lambda s: str(s.shape), x))
    _check_same_shapes(x["source"], x["target"])
    wants_labels = any(term.uses_target_labels for term in terms)
    if is_pair(y) and not wants_labels:
        raise ValueError(
            "Target labels were given, and no alignment term here uses them. "
            "Pass the target without labels, as x or (x, None)."
        )
    for term in terms:
        for domain, spec in x.items():
            rows = _num_rows(tree.flatten(spec)[0])
            if rows is not None and rows < term.minimum_rows:
                raise ValueError(
                    f"The term {term.name!r} needs at least "
                    f"{term.minimum_rows} rows of each domain in a batch. "
                    f"Received {rows} of the {domain}; use a larger batch size."
                )


def _check_same_shapes(source, target):
    compatible = _same_structure(source, target) and all(
        _rows_shape(s).is_compatible_with(_rows_shape(t))
        for s, t in zip(tree.flatten(source), tree.flatten(target), strict=True)
    )
    if not compatible:
        shapes = [
            tree.map_structure(lambda spec: str(_rows_shape(spec)), domain)
            for domain in (source, target)
        ]
        raise ValueError(
            "Source and target rows must have the same shape. Received: "
            f"source {shapes[0]}, target {shapes[1]}."
        )


def _num_rows(spec):
    shape = tf.TensorShape(spec.shape)
    return None if shape.rank is None else shape[0]


def _rows_shape(spec):
    return tf.TensorShape(spec.shape)[1:]


def _same_structure(source, target):
    try:
        tree.assert_same_structure(source, target)
    except (TypeError, ValueError):
        return False
    return True
