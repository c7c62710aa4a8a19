"""Serialized `tf.Example`s into the inputs of a model."""

import tensorflow as tf

#: Where TensorFlow's own data sets keep an encoded image.
IMAGE_KEY = "image/encoded"


def parser(specs):
    """Makes the function that reads the inputs from features of their names.

    Args:
        specs: Dict of `tf.TensorSpec` by input name, of fixed row shapes.

    Returns:
        A function from strings `(B,)` to a dict of tensors.

    Raises:
        ValueError: If an input has a free axis, which a feature cannot have.
    """
    for name, spec in specs.items():
        if None in spec.shape.as_list()[1:]:
            raise ValueError(
                f"The input {name!r} has the free shape {spec.shape}; "
                "'classify' and 'regress' read rows of a fixed size."
            )
    features = {
        name: tf.io.FixedLenFeature(spec.shape[1:], _stored(spec.dtype))
        for name, spec in specs.items()
    }

    def parse(examples):
        parsed = tf.io.parse_example(examples, features)
        return {
            name: tf.cast(parsed[name], spec.dtype)
            if spec.dtype != tf.string
            else parsed[name]
            for name, spec in specs.items()
        }

    return parse


def parse_image(examples):
    """The encoded images of examples, strings `(B,)`."""
    features = {IMAGE_KEY: tf.io.FixedLenFeature([], tf.string)}
    return tf.io.parse_example(examples, features)[IMAGE_KEY]


def serialize(rows):
    """The examples for rows; what a client does, here for samples.

    Args:
        rows: Dict of arrays with a common number of rows.

    Returns:
        List of serialized examples.
    """
    number = len(next(iter(rows.values())))
    return [
        tf.train.Example(
            features=tf.train.Features(
                feature={name: _feature(x[row]) for name, x in rows.items()}
            )
        ).SerializeToString()
        for row in range(number)
    ]


def _feature(value):
    if isinstance(value, (bytes, str)):
        value = [tf.compat.as_bytes(value)]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
    flat = value.reshape(-1).tolist()
    if value.dtype.kind == "O":
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=flat))
    if value.dtype.kind in "iub":
        flat = [int(number) for number in flat]  # of booleans too
        return tf.train.Feature(int64_list=tf.train.Int64List(value=flat))
    return tf.train.Feature(float_list=tf.train.FloatList(value=flat))


def _stored(dtype):
    if dtype == tf.string:
        return tf.string
    return tf.int64 if dtype.is_integer or dtype.is_bool else tf.float32
