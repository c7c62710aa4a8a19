"""What a graph refuses: the server itself checks hardly anything."""

import tensorflow as tf


def checked(tensors, specs):
    """Tensors that pass, as part of the graph.

    The server does not compare shapes with a signature, so that a wrong size
    would be answered by a fully convolutional model. An optimiser may remove
    what the static shapes promise anyway, so that these are hidden first.

    Args:
        tensors: Dict of tensors by name.
        specs: Dict of `tf.TensorSpec` by the same names.

    Returns:
        The same tensors, behind the checks of shape and of the number of
        rows.
    """
    hidden = {
        name: tf.compat.v1.placeholder_with_default(
            tensor, [None] * tensor.shape.rank
        )
        for name, tensor in tensors.items()
    }
    rows = {name: tf.shape(tensor)[0] for name, tensor in hidden.items()}
    (first, number), *others = rows.items()
    checks = [
        tf.debugging.assert_positive(
            # No quotes: the server's answer would show them escaped.
            number,
            message=f"The batch of {first} is empty.",
        )
    ]
    checks += [
        tf.debugging.assert_equal(
            number, other, message=f"{first} and {name} differ in rows."
        )
        for name, other in others
    ]
    with tf.control_dependencies(checks):
        return {
            name: tf.ensure_shape(tensor, specs[name].shape)
            for name, tensor in hidden.items()
        }


def require_finite(tensors, may_be_nan=()):
    """The same tensors, refused whole if a row has a NaN or infinity.

    Args:
        tensors: Dict of tensors by name.
        may_be_nan: Names of those in which NaN is a missing value.

    Returns:
        The same tensors, behind the checks.
    """
    checked = {}
    for name, tensor in tensors.items():
        if not tensor.dtype.is_floating:
            checked[name] = tensor
            continue
        what = "an" if name in may_be_nan else "a NaN or"
        finite = tf.debugging.check_numerics(
            _without_nan(tensor) if name in may_be_nan else tensor,
            f"The input {name!r} has {what} infinite value",
        )
        if name in may_be_nan:
            with tf.control_dependencies([finite]):
                finite = tf.identity(tensor)
        checked[name] = finite
    return checked


def mask_rows(tensors, may_be_nan=()):
    """Finds the rows that are finite, and replaces the others by zeros.

    Args:
        tensors: Dict of tensors by name.
        may_be_nan: Names of those in which NaN is a missing value.

    Returns:
        `(tensors, valid)`: the dict again, and a boolean `(rows,)`.
    """
    valid = tf.ones(tf.shape(next(iter(tensors.values())))[:1], tf.bool)
    for name, tensor in tensors.items():
        if tensor.dtype.is_floating:
            inner = list(range(1, tensor.shape.rank))
            known = _without_nan(tensor) if name in may_be_nan else tensor
            valid &= tf.reduce_all(tf.math.is_finite(known), axis=inner)
    return {name: blank_rows(x, valid) for name, x in tensors.items()}, valid


def _without_nan(tensor):
    return tf.where(tf.math.is_nan(tensor), tf.zeros_like(tensor), tensor)


def blank_rows(tensor, valid):
    """Zeros, empty strings or False in the rows that are not valid."""
    shape = tf.concat(
        [tf.shape(valid), tf.ones([tf.rank(tensor) - 1], tf.int32)], axis=0
    )
    return tf.where(tf.reshape(valid, shape), tensor, tf.zeros_like(tensor))
