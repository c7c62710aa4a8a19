"""The few-shot signature of an encoder: the nearest mean of the support."""

import keras
import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.export import few_shot_requests
from keras_transfer.export.signatures import Signature
from keras_transfer.layers import PrototypeHead


def prototype_signature(served, head, ways):
    """The signature `predict` of `save_few_shot` for an encoder.

    Args:
        served: The encoder, a `ServedModel`.
        head: A `layers.PrototypeHead`.
        ways: Most classes of a task.

    Returns:
        A `Signature`.

    Raises:
        ValueError: If they do not go together.
    """
    few_shot_requests.check_ways(ways)
    _check_parts(served, head)
    name, spec = served.only_input("predict")
    specs = few_shot_requests.specs_of(spec)

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
        return core(few_shot_requests.checked(tensors, specs, ways))

    def reference(rows):
        return _in_numpy(served, name, head, ways, rows)

    return Signature(
        "predict", specs, function, reference, lambda x: x, core, specs
    )


def _check_parts(served, head):
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
    temperature = float(head.current_temperature)
    if head.distance == "euclidean":
        distances = np.square(x[:, None] - means[None]).sum(-1)
        return -distances / temperature
    x, means = (
        v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)
        for v in (x, means)
    )
    return x @ means.T / temperature
