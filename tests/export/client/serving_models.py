"""Small model folders for the tests of the client."""

import tensorflow as tf

#: Columns of the signature whose answers are larger than 4 MB.
WIDE = 400_000


class Numbers(tf.Module):
    """Many signatures; what it multiplies with tells the versions apart."""

    def __init__(self, scale):
        super().__init__()
        self.scale = tf.Variable(float(scale))

    @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x")])
    def scaled(self, x):
        with tf.control_dependencies(
            [tf.debugging.assert_all_finite(x, "x has NaN")]
        ):
            return {"y": x * self.scale}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 2), name="a"),
            tf.TensorSpec((None,), tf.int32, name="b"),
        ]
    )
    def pair(self, a, b):
        return {
            "sum": tf.reduce_sum(a, axis=1) + tf.cast(b, tf.float32),
            "b": b,
        }

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "text")])
    def text(self, text):
        return {"upper": tf.strings.upper(text), "same_bytes": text}

    @tf.function(
        input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")]
    )
    def echo(self, image_bytes):
        return {"echo_bytes": image_bytes}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "text")])
    def same(self, text):
        return {"same": text}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.uint8, "u8"),
            tf.TensorSpec((None,), tf.int64, "i64"),
            tf.TensorSpec((None,), tf.float64, "f64"),
            tf.TensorSpec((None,), tf.bool, "flag"),
        ]
    )
    def kinds(self, u8, i64, f64, flag):
        return {"u8": u8, "i64": i64, "f64": f64, "flag": flag}

    @tf.function(input_signature=[tf.TensorSpec((None,), name="x")])
    def inverse(self, x):
        return {"y": 1.0 / x}

    @tf.function(input_signature=[tf.TensorSpec((None, 3), name="x")])
    def mean(self, x):
        return {"mean": tf.reduce_mean(x)}

    @tf.function(input_signature=[tf.TensorSpec((), name="x")])
    def single(self, x):
        return {"y": x * self.scale}

    @tf.function(input_signature=[tf.TensorSpec((2, 3), name="x")])
    def fixed(self, x):
        return {"y": x * self.scale}

    @tf.function(input_signature=[tf.TensorSpec(None, name="x")])
    def free(self, x):
        return {"y": x * self.scale}

    @tf.function(input_signature=[tf.TensorSpec((None, 1), name="x")])
    def wide(self, x):
        return {"y": tf.tile(x, [1, WIDE])}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float16, "x")])
    def half(self, x):
        return {"y": x}


def write_numbers(folder, scales=(1, 2)):
    """One version for each scale, numbered like it.

    Returns:
        The base folder of the model.
    """
    for scale in scales:
        module = Numbers(scale)
        names = (
            "pair text echo same kinds inverse mean single fixed free wide half"
        )
        signatures = {name: getattr(module, name) for name in names.split()}
        signatures["serving_default"] = module.scaled
        tf.saved_model.save(module, str(folder / str(scale)), signatures)
    return folder


class Counts(tf.Module):
    """The next version of a model, whose signature takes something else."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, "count")])
    def doubled(self, count):
        return {"double": 2 * count, "count": count}


def write_counts(folder, version):
    """Adds a version whose signature is that of `Counts`."""
    module = Counts()
    tf.saved_model.save(module, str(folder / str(version)), module.doubled)
