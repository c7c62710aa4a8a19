"""From logits to the classes and scores that a client reads."""

import keras
import tensorflow as tf

from keras_transfer import layers
from keras_transfer._public import invalid_argument

ACTIVATIONS = ("auto", "softmax", "sigmoid", None)
#: What a last layer can have applied already, by name.
_OWN = {
    keras.activations.linear: "linear",
    keras.activations.softmax: "softmax",
    keras.activations.sigmoid: "sigmoid",
}
#: Layers of this package that return logits.
_HEADS = (layers.CosineHead, layers.PrototypeHead)
#: Layers behind the last one that leave its numbers alone.
_UNCHANGED = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Reshape,
)


class Classifier:
    """Turns the one output of a model into classes and scores.

    Formula, for logits `z` of a row:

        scores = softmax(z)  or  sigmoid(z)
        class  = class_names[argmax(scores)]

    A single logit stands for the second of two classes:
    `scores = (1 - p, p)` with `p = sigmoid(z)`.

    Args:
        output: Symbolic output of the model, `(batch, K)`.
        class_names: K different strings in the order of the labels, none of
            them empty and each on one line.
        activation: `"auto"` looks at the model's last layer: none is added
            to a softmax or sigmoid, and to a linear layer softmax, or sigmoid
            for a single logit.

    Raises:
        ValueError: If names and output do not fit, or `"auto"` cannot tell.
    """

    def __init__(self, output, class_names, activation="auto"):
        if activation not in ACTIVATIONS:
            raise invalid_argument(
                "activation", activation, f"one of {ACTIVATIONS}"
            )
        self.width = _width(output)
        self.class_names = _names(class_names, self.width)
        self.activation = activation
        if activation == "auto":
            self.activation = _missing_activation(output)
        if self.width == 1 and self.activation == "softmax":
            raise invalid_argument(
                "activation",
                activation,
                "'sigmoid' or None for a model with one output",
                "The softmax of a single logit is always 1.",
            )

    def classes(self, scores):
        """Names of the best classes, strings `(B,)`."""
        names = tf.constant(self.class_names)
        return tf.gather(names, tf.argmax(scores, axis=-1))

    def scores(self, logits):
        """Scores `(B, K)`, float32, of logits of any precision."""
        logits = tf.cast(logits, tf.float32)
        if self.activation == "softmax":
            return tf.nn.softmax(logits)
        if self.activation == "sigmoid":
            logits = tf.sigmoid(logits)
        if self.width == 1:
            return tf.concat([1.0 - logits, logits], axis=-1)
        return logits


def _width(output):
    shape = tuple(output.shape)
    if len(shape) != 2 or shape[1] is None:
        raise ValueError(
            "Class names are for models that return one score per class, "
            f"(batch, classes). This one returns {shape}."
        )
    return shape[1]


def _names(class_names, width):
    """The names as a list of strings that fit the number of outputs."""
    if isinstance(class_names, (str, bytes)):
        raise invalid_argument("class_names", class_names, "a list of names")
    names = [
        name.decode() if isinstance(name, bytes) else str(name)
        for name in class_names
    ]
    expected = 2 if width == 1 else width
    if len(names) != expected:
        raise invalid_argument(
            "class_names",
            names,
            f"{expected} names, for a model whose number of outputs is {width}",
        )
    if len(set(names)) < len(names):
        raise invalid_argument("class_names", names, "different names")
    # The asset has a name on each line; the empty one marks invalid rows.
    wrong = [name for name in names if name.splitlines() != [name]]
    if wrong:
        raise invalid_argument(
            "class_names", wrong[0], "names of one line that are not empty"
        )
    return names


def _missing_activation(output):
    """What is to be added to the last layer, by its own activation."""
    own = _own_activation(output)
    if own in ("softmax", "sigmoid"):
        return None
    if own == "linear":
        return "sigmoid" if output.shape[1] == 1 else "softmax"
    raise invalid_argument(
        "activation",
        "auto",
        "'softmax', 'sigmoid' or None: the model's last layer "
        f"({output._keras_history.operation.name!r}) does not tell whether it "
        "returns logits",
    )


def _own_activation(tensor):
    """`"linear"`, `"softmax"`, `"sigmoid"`, or `None` if it cannot be told."""
    layer, node, index = tensor._keras_history
    if isinstance(layer, keras.Model):
        outputs = getattr(layer, "outputs", None)
        return _own_activation(outputs[index]) if outputs else None
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    if isinstance(layer, _HEADS):
        return "linear"
    activation = getattr(layer, "activation", None)
    own = _OWN.get(activation) if callable(activation) else None
    is_linear = isinstance(layer, keras.layers.Activation) and own == "linear"
    if is_linear or isinstance(layer, _UNCHANGED):
        # As after a softmax that is cast back to float32.
        (before,) = layer._inbound_nodes[node].input_tensors
        return _own_activation(before)
    return own
