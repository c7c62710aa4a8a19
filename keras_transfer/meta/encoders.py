"""Encoders of few-shot learners: from examples to features."""

import keras
import tensorflow as tf
from keras import tree

from keras_transfer._public import invalid_argument
from keras_transfer.meta import episode_batches
from keras_transfer.training.fused_batch_norm import fused_batch_norm


def check(encoder, rank=2):
    """Raises unless a model returns one tensor of features per example."""
    if not isinstance(encoder, keras.Model):
        raise invalid_argument("encoder", encoder, "a keras.Model")
    if not encoder.built:
        raise ValueError(
            f"The encoder {encoder.name!r} is not built. Give it a "
            "keras.Input, or call it on a batch first."
        )
    if not has_graph(encoder):
        return  # seen when it is called
    # Not `output_shape`, which hides that an output is in a list or dict.
    outputs = encoder.compute_output_spec(_inputs_of(encoder))
    shape = tree.map_structure(lambda tensor: tensor.shape, outputs)
    wanted = (
        "(batch, width)" if rank == 2 else "(batch, height, width, filters)"
    )
    is_one = isinstance(outputs, keras.KerasTensor)
    if not is_one or len(shape) != rank or shape[-1] is None:
        raise invalid_argument(
            "encoder",
            encoder.name,
            f"a model with one output {wanted}",
            f"This one returns {shape}.",
        )


def has_graph(encoder):
    """Whether a model is Functional or Sequential, not only a `call`."""
    return isinstance(getattr(encoder, "inputs", None), list)


def embed_together(encoder, support, query, training):
    """Features of support and query, from one pass over both.

    Args:
        encoder: The model.
        support: `(tasks, support, ...)`, or a structure of such.
        query: `(tasks, queries, ...)`.
        training: Python boolean.

    Returns:
        `(tasks, support, ...)` and `(tasks, queries, ...)`.
    """
    first = tree.flatten(support)[0]
    number = first.shape[1] or tf.shape(first)[1]
    tasks = tf.shape(first)[0]
    both = tree.map_structure(
        lambda s, q: tf.concat([s, tf.cast(q, s.dtype)], axis=1),
        tree.map_structure(tf.convert_to_tensor, support),
        tree.map_structure(tf.convert_to_tensor, query),
    )
    with fused_batch_norm(encoder):
        features = encoder(episode_batches.fold_tasks(both), training=training)
    features = episode_batches.unfold_tasks(features, tasks)
    parts = features[:, :number], features[:, number:]
    # Some layers, of strings above all, forget how many rows they are given.
    rows = (tree.flatten(x)[0].shape[1] for x in (support, query))
    return tuple(
        tf.ensure_shape(part, [None, known, *part.shape[2:]])
        for part, known in zip(parts, rows, strict=True)
    )


def with_head(encoder, head):
    """A plain model: the encoder itself, followed by a layer."""
    if not has_graph(encoder):
        return keras.Sequential([encoder, head])
    inputs = tree.map_structure(
        lambda tensor: keras.Input(
            tensor.shape[1:], dtype=tensor.dtype, name=tensor.name
        ),
        _inputs_of(encoder),
    )
    return keras.Model(inputs, head(encoder(inputs)))


def _inputs_of(encoder):
    """The inputs of a model with a graph, in their structure."""
    # A Sequential has no `input` before it is called.
    is_chain = isinstance(encoder, keras.Sequential)
    return encoder.inputs[0] if is_chain else encoder.input
