"""Few-shot serving: support and queries in, classes of the queries out."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.export import publication
from keras_transfer.export import row_checks
from keras_transfer.export import samples as sample_rows
from keras_transfer.export.served_model import ServedModel
from keras_transfer.export.signatures import Signature
from keras_transfer.layers import PrototypeHead

#: Sizes of the episodes that an export is tried with.
_TASKS, _SHOTS, _QUERIES = 3, 2, 2


def save_few_shot(
    encoder,
    folder,
    *,
    ways,
    head=None,
    samples=None,
    tolerance=1e-5,
    card=None,
):
    """Exports an encoder as a classifier of classes that come with a request.

    One signature, `predict`, with a leading axis of tasks everywhere:

        support         (tasks, support, ...)
        support_labels  (tasks, support), int32 from 0 to ways - 1, -1 padding
        query           (tasks, queries, ...)
        -> scores       (tasks, queries, ways), softmax over the classes that
                        have support, 0 for the others
        -> labels       (tasks, queries), int32, the best of them

    The server puts requests of several clients into one batch along the first
    axis, which therefore counts tasks: a task's answer depends on that task
    alone. A signature without it would let one client's support label
    another's queries; there is none. Requests of unequal sizes cannot be put
    together, so that the version has no batching file; serve it from a folder
    of its own.

    Args:
        encoder: A built `keras.Model` from one input to features `(B, d)`.
        folder: Base folder of the served model.
        ways: Most classes of a task, the width of `scores`.
        head: A `layers.PrototypeHead` that compares, by default Euclidean.
        samples: Array of real inputs to try with, 8 or more (6 for 2 ways),
            or `None` for random ones.
        tolerance: As for `export.save`.
        card: As for `export.save`.

    Returns:
        A `Report`.

    Raises:
        ValueError: If the encoder has not one input and one output `(B, d)`.
        VerificationError, OSError: As for `export.save`.

    Example:

    >>> import keras, tempfile
    >>> import keras_transfer as kt
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = kt.export.save_few_shot(encoder, folder, ways=5)
    >>> report.passed
    True

    Reference:

    - [Snell et al., 2017, eq. 2](https://arxiv.org/abs/1703.05175) for the
      scores.
    """
    publication.check_base(folder)
    served = ServedModel(encoder)
    head = PrototypeHead() if head is None else head
    return publication.publish(
        folder,
        served,
        {"predict": episodes_signature(served, head, ways)},
        {"predict": _episodes(served, ways, samples)},
        default="predict",
        facts={**(card or {}), "ways": ways, "distance": head.distance},
        tolerance=tolerance,
    )


def episodes_signature(served, head, ways):
    """The signature of `save_few_shot`.

    Args:
        served: The encoder, a `ServedModel`.
        head: A `layers.PrototypeHead`.
        ways: Most classes of a task.

    Returns:
        A `Signature`.

    Raises:
        ValueError: If they do not go together.
    """
    _check_parts(served, head, ways)
    name, spec = served.only_input("predict")
    specs = _specs(spec)

    def encode(rows):
        tasks, number = tf.unstack(tf.shape(rows)[:2])
        flat = tf.reshape(rows, tf.concat([[-1], tf.shape(rows)[2:]], 0))
        (features,) = served({name: tf.ensure_shape(flat, spec.shape)}).values()
        return tf.reshape(features, [tasks, number, features.shape[-1]])

    @tf.function
    def core(tensors):
        logits = head(
            encode(tensors["query"]),
            support=encode(tensors["support"]),
            support_labels=tensors["support_labels"],
            ways=ways,
        )
        return {
            "scores": tf.nn.softmax(logits),
            "labels": tf.argmax(logits, -1, tf.int32),
        }

    def function(tensors):
        tensors = row_checks.checked(tensors, specs)
        tensors = row_checks.require_finite(tensors)
        with tf.control_dependencies(_checks(tensors, ways)):
            return core({k: tf.identity(x) for k, x in tensors.items()})

    def reference(rows):
        return _in_numpy(served, name, head, ways, rows)

    return Signature(
        "predict", specs, function, reference, lambda x: x, core, specs
    )


def _check_parts(served, head, ways):
    if not isinstance(ways, int) or ways < 2:
        raise invalid_argument("ways", ways, "an integer of at least 2")
    if not isinstance(head, PrototypeHead):
        raise invalid_argument("head", head, "a layers.PrototypeHead")
    output = served.only_output("Few-shot serving")
    if len(output.shape) != 2 or output.shape[1] is None:
        raise invalid_argument(
            "encoder",
            served.model.name,
            "a model that returns features (batch, width)",
            f"This one returns {tuple(output.shape)}.",
        )


def _specs(spec):
    """Of a request, from the spec of the encoder's input."""
    row = spec.shape[1:]
    return {
        "support": tf.TensorSpec([None, None, *row], spec.dtype, "support"),
        "support_labels": tf.TensorSpec(
            [None, None], tf.int32, "support_labels"
        ),
        "query": tf.TensorSpec([None, None, *row], spec.dtype, "query"),
    }


def _checks(tensors, ways):
    """What makes an episode one, as operations of the graph."""
    labels = tensors["support_labels"]
    return [
        tf.debugging.assert_equal(
            tf.shape(labels)[1],
            tf.shape(tensors["support"])[1],
            message="Each row of support needs one of support_labels.",
        ),
        tf.debugging.assert_positive(
            tf.shape(tensors["query"])[1], message="There are no queries."
        ),
        tf.debugging.Assert(
            tf.reduce_all((labels >= -1) & (labels < ways)),
            [f"support_labels must be -1 to {ways - 1}."],
        ),
        tf.debugging.Assert(
            tf.reduce_all(tf.reduce_any(labels >= 0, axis=1)),
            ["A task has no support: all its labels are -1."],
        ),
    ]


def _in_numpy(served, name, head, ways, rows):
    """The same task by task, by another way through the code."""
    scores = []
    for support, labels, query in zip(
        rows["support"], rows["support_labels"], rows["query"], strict=True
    ):
        x, y = (
            keras.ops.convert_to_numpy(
                next(iter(served({name: tf.constant(part)}).values()))
            ).astype("float64")
            for part in (query, support)
        )
        present = [way for way in range(ways) if (labels == way).any()]
        means = np.stack([y[labels == way].mean(axis=0) for way in present])
        logits = np.full((len(x), ways), -np.inf)
        logits[:, present] = _logits(x, means, head)
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores.append(exponents / exponents.sum(axis=1, keepdims=True))
    scores = np.stack(scores)
    return {
        "scores": scores.astype("float32"),
        "labels": scores.argmax(-1).astype("int32"),
    }


def _logits(x, means, head):
    if head.distance == "euclidean":
        distances = np.square(x[:, None] - means[None]).sum(-1)
        return -distances / _temperature(head)
    x, means = (
        v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)
        for v in (x, means)
    )
    return x @ means.T / _temperature(head)


def _temperature(head):
    for variable in head.variables:
        if variable.name == "log_temperature":
            return np.exp(keras.ops.convert_to_numpy(variable))
    return head.temperature


def _episodes(served, ways, samples):
    """Small episodes of the given rows, or of random ones."""
    used = min(ways, 3)
    needed = used * _SHOTS + _QUERIES
    rows = sample_rows.for_model(served, samples, rows=needed * _TASKS)
    (pool,) = rows.values()
    if len(pool) < needed:
        raise invalid_argument(
            "samples", pool.shape, f"at least {needed} rows, or None"
        )
    generator = np.random.default_rng(0)
    picked = np.stack(
        [pool[generator.permutation(len(pool))[:needed]] for _ in range(_TASKS)]
    )
    labels = np.tile(np.repeat(np.arange(used), _SHOTS), (_TASKS, 1))
    return {
        "support": picked[:, : used * _SHOTS],
        "support_labels": labels.astype("int32"),
        "query": picked[:, used * _SHOTS :],
    }
