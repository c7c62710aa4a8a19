"""The few-shot signature of MAML: inner gradient steps inside the graph."""

import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer.export import few_shot_requests
from keras_transfer.export.signatures import Signature
from keras_transfer.training import model_graph

#: Logit of a class without support, whose softmax is exactly 0.
_ABSENT = -1e30


def ways_of(maml, ways):
    """The number of classes of the model.

    Raises:
        ValueError: If it is not that, or the model is no classifier that
            returns logits.
    """
    shape = maml.model.output_shape
    if len(shape) != 2 or (shape[-1] or 0) < 2:
        raise invalid_argument(
            "learner",
            maml.model.name,
            "a classifier of 2 or more classes, (batch, classes)",
            f"This model returns {shape}.",
        )
    last = model_graph.last_activation(maml.model)
    if last is not None:
        raise ValueError(
            f"The model ends in {last}, and logits are expected, of which "
            "`adapt_and_predict` takes the softmax. Replace the last "
            "activation by None."
        )
    if ways not in (None, shape[-1]):
        raise invalid_argument(
            "ways", ways, f"{shape[-1]}, the classes of the model, or None"
        )
    return shape[-1]


def adapt_signature(maml, served):
    """The signature `adapt_and_predict` of `save_few_shot`.

    Args:
        maml: A `meta.MAML`.
        served: Its model, a `ServedModel`.

    Returns:
        A `Signature`.
    """
    ways = ways_of(maml, None)
    _, spec = served.only_input("adapt_and_predict")
    specs = few_shot_requests.specs_of(spec)

    @tf.function
    def core(tensors):
        labels = tensors["support_labels"]
        logits = maml.adapt_and_predict(
            tensors["support"], labels, tensors["query"]
        )
        has_support = tf.reduce_any(labels[..., None] == tf.range(ways), 1)
        logits = tf.where(has_support[:, None], logits, _ABSENT)
        return {
            "scores": tf.nn.softmax(logits),
            "labels": tf.argmax(logits, -1, tf.int32),
        }

    def function(tensors):
        return core(few_shot_requests.checked(tensors, specs, ways))

    return Signature(
        "adapt_and_predict",
        specs,
        function,
        lambda rows: _by_plain_models(maml, rows),
        lambda rows: rows,
        core,
        specs,
    )


def _by_plain_models(maml, rows):
    """The same task by task, by the plain model that `adapt` returns."""
    scores = []
    for support, labels, query in zip(
        rows["support"], rows["support_labels"], rows["query"], strict=True
    ):
        used = labels >= 0
        model = maml.adapt(support[used], labels[used])
        logits = np.asarray(model(query, training=False), "float64")
        absent = np.setdiff1d(np.arange(logits.shape[-1]), labels[used])
        logits[:, absent] = -np.inf
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores.append(exponents / exponents.sum(axis=1, keepdims=True))
    scores = np.stack(scores)
    return {
        "scores": scores.astype("float32"),
        "labels": scores.argmax(-1).astype("int32"),
    }
