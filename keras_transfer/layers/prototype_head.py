"""A classifier by the nearest mean of a class."""

import math
import numbers

import keras
import numpy as np
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.ops.prototypes import check_class_count
from keras_transfer.ops.prototypes import check_labels
from keras_transfer.ops.prototypes import check_nearness
from keras_transfer.ops.prototypes import class_means
from keras_transfer.ops.prototypes import prototype_logits


@public("layers")
class PrototypeHead(keras.layers.Layer):
    """Classifies features by the nearest prototype, the mean of a class.

    Formula, with `c_k` the mean of the features of class k in the support:

        "euclidean":  logits[i, k] = -||x_i - c_k||^2 / temperature
        "cosine":     logits[i, k] = cos(x_i, c_k) / temperature

    A class without support has the logit -1e30: its softmax is exactly 0.
    There are two uses.

    **Fixed prototypes**, for a model that is served. They are weights, and
    saved with the model:

        head = PrototypeHead()
        head.adapt(encoder.predict(images), labels)
        model = keras.Sequential([encoder, head])

    `add_class` and `drop_class` change the number of classes afterwards.
    Compile a model again that predicted before, or make it anew: what Keras
    has compiled keeps the former number, and answers NaN on TensorFlow.

    **Episodes**: the prototypes come from the support of each task in the
    call, and gradients flow through them:

        logits = head(query, support=support, support_labels=labels, ways=5)

    Tasks of different ways and shots are padded with label -1 and `ways` is
    the largest number of classes that a task can have; it is never taken
    from the batch, so that no task changes another. A label of `ways` or more
    makes the logits of its task NaN, as a graph cannot raise. In the loss,
    leave out padded queries with `ignore_class=-1`.

    Bad at: classes of several clusters or of unlike spread. The cosine needs
    a temperature of about 0.1, since its logits lie within
    `1 / temperature`.

    Args:
        distance: `"euclidean"` or `"cosine"`.
        temperature: Positive number that divides the logits: initial value if
            it is learnt, else the value.
        learn_temperature: Whether the temperature is a weight (its logarithm
            is, so that it stays positive).
        ways: Number of classes of episodes whose call does not say it.
        num_classes: Number of fixed prototypes. Set by `adapt`; given with
            `width` only to make a head whose weights are loaded afterwards,
            and which answers -1e30 until then.
        width: Width of the fixed prototypes, likewise.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features to classify, shape `(rows, d)` or `(tasks, rows, d)`.
        support: Features of the labelled examples, `(shots, d)` or
            `(tasks, shots, d)`, or `None` to use the fixed prototypes.
        support_labels: Integers of shape `(shots,)` or `(tasks, shots)`.
        ways: Number of classes of this call, a Python integer.

    Output shape:
        `(rows, classes)` or `(tasks, rows, classes)`, float32 (or float64)
        under any policy: squared distances do not fit into half precision.

    Note: the cosine is taken to the mean of the features as they are, not of
    their unit vectors.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> head = kt.layers.PrototypeHead()
    >>> features = np.array([[0.0, 0.0], [2.0, 0.0], [9.0, 9.0]])
    >>> head.adapt(features, labels=np.array([0, 0, 1]))
    >>> head(np.array([[1.0, 2.0]])).numpy().tolist()
    [[-4.0, -113.0]]
    >>> head.add_class(np.array([[1.0, 2.0]]))
    2
    >>> head(np.array([[1.0, 2.0]])).numpy().argmax(-1)
    array([2])

    Reference:

    - [Snell et al., 2017, Prototypical Networks for Few-shot Learning,
      eq. 1-2](https://arxiv.org/abs/1703.05175)
    """

    def __init__(
        self,
        distance="euclidean",
        temperature=1.0,
        learn_temperature=False,
        ways=None,
        num_classes=None,
        width=None,
        **kwargs,
    ):
        _check_arguments(distance, temperature, ways, num_classes, width)
        # For inputs; Keras casts weights in spite of it, unless they say so.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        self.distance = distance
        self.temperature = float(temperature)
        self.learn_temperature = learn_temperature
        self.ways = None if ways is None else int(ways)
        self.num_classes = self.width = None
        self.prototypes = self.counts = self._log_temperature = None
        if learn_temperature:
            self._log_temperature = self.add_weight(
                shape=(),
                initializer=keras.initializers.Constant(math.log(temperature)),
                dtype=self._logit_dtype(),
                autocast=False,
                name="log_temperature",
            )
        if num_classes is not None:
            self._make_prototypes(int(num_classes), int(width))
        # There is no `build`: Keras would lock the variables after it.
        self.built = True

    # === Fixed prototypes ===

    def adapt(self, features, labels, num_classes=None):
        """Sets the prototypes to the means of the classes.

        Args:
            features: Array or tensor of shape `(rows, d)`.
            labels: Integers of shape `(rows,)`; rows with -1 are left out.
            num_classes: Number of classes; by default one more than the
                largest label. Classes without rows are never predicted.

        Raises:
            ValueError: If the features are not finite or the labels do not
                fit them.
        """
        features = self._rows(features)
        labels = ops.convert_to_numpy(labels)
        check_labels(features.shape, labels.shape, labels.dtype)
        labels = labels.astype("int64")
        if num_classes is not None:
            check_class_count("num_classes", num_classes)
        most = labels.max(initial=-1)
        limit = num_classes or most + 1
        if labels.ndim != 1 or labels.min(initial=0) < -1 or most >= limit:
            expected = "0 .. num_classes - 1" if num_classes else "0, 1, ..."
            raise ValueError(
                f"Labels must be {expected}, or -1 for rows to leave out, in "
                f"one axis. Received: {np.unique(labels)[:20].tolist()} in "
                f"shape {labels.shape}, num_classes={num_classes}."
            )
        if most < 0:
            raise ValueError("No row has a label: there is no prototype to set")
        self._assign(*class_means(features, labels, int(limit)))

    def add_class(self, features):
        """Adds a class behind the others.

        Args:
            features: Array or tensor of shape `(rows, d)`, all of the class.

        Returns:
            The index of the new class.
        """
        self._check_adapted()
        features = self._rows(features, self.width)
        if not len(features):
            raise ValueError("A new class needs at least one row of features.")
        labels = np.zeros(len(features), "int32")
        mean, count = class_means(features, labels, 1)
        self._assign(
            ops.concatenate([self.prototypes, mean]),
            ops.concatenate([self.counts, count]),
        )
        return self.num_classes - 1

    def drop_class(self, index):
        """Removes a class; those behind it move down by one.

        Args:
            index: Index of the class, from 0.
        """
        self._check_adapted()
        known = range(self.num_classes)
        if not isinstance(index, numbers.Integral) or index not in known:
            raise invalid_argument(
                "index", index, f"a class from 0 to {self.num_classes - 1}"
            )
        if self.num_classes == 1:
            raise ValueError("The last class of a head cannot be dropped.")
        kept = np.array([one for one in known if one != index])
        self._assign(
            ops.take(self.prototypes, kept, axis=0),
            ops.take(self.counts, kept, axis=0),
        )

    # === Layer ===

    @property
    def current_temperature(self):
        """The number that divides the logits: as given, or as learnt."""
        if self._log_temperature is None:
            return self.temperature
        return ops.exp(self._log_temperature)

    def call(self, inputs, support=None, support_labels=None, ways=None):
        ways = self._check_call(inputs, support, support_labels, ways)
        queries = ops.cast(inputs, self._logit_dtype())
        if support is None:
            means, counts = self.prototypes, self.counts
        else:
            support = ops.cast(support, self._logit_dtype())
            means, counts = class_means(support, support_labels, ways)
        logits = prototype_logits(
            queries, means, counts, self.distance, self.current_temperature
        )
        if support is None:
            return logits
        wrong = ops.any(support_labels >= ways, axis=-1)
        return ops.where(wrong[..., None, None], math.nan, logits)

    def compute_output_shape(self, input_shape):
        classes = self.num_classes if self.num_classes else self.ways
        return (*input_shape[:-1], classes)

    def compute_output_spec(
        self, inputs, support=None, support_labels=None, ways=None
    ):
        classes = self._check_call(inputs, support, support_labels, ways)
        shape = (*inputs.shape[:-1], classes)
        return keras.KerasTensor(shape, dtype=self._logit_dtype())

    def get_config(self):
        return {
            **super().get_config(),
            "distance": self.distance,
            "temperature": self.temperature,
            "learn_temperature": self.learn_temperature,
            "ways": self.ways,
            "num_classes": self.num_classes,
            "width": self.width,
        }

    # === Helpers ===

    def _logit_dtype(self):
        return keras.backend.result_type(self.variable_dtype, "float32")

    def _rows(self, features, width=None):
        """Features as a finite NumPy array of shape `(rows, width)`."""
        features = ops.convert_to_numpy(features).astype(self._logit_dtype())
        if features.ndim != 2 or width not in (None, features.shape[1]):
            raise ValueError(
                f"Features must have shape (rows, {width or 'width'}). "
                f"Received: {features.shape}."
            )
        if not np.isfinite(features).all():
            raise ValueError(
                "Features must be finite: one NaN would spoil the prototype. "
                f"Rows with NaN or infinity: "
                f"{np.flatnonzero(~np.isfinite(features).all(1))[:20].tolist()}"
            )
        return features

    def _assign(self, means, counts):
        shape = tuple(means.shape)
        if shape != (self.num_classes, self.width):
            if self.prototypes is not None:
                # A function compiled before goes on with the variables of
                # then: NaN can be seen, an outdated answer cannot.
                old = self.prototypes
                old.assign(ops.full(old.shape, math.nan, old.dtype))
                del self.prototypes, self.counts
            self._make_prototypes(*shape)
        self.prototypes.assign(means)
        self.counts.assign(counts)

    def _make_prototypes(self, num_classes, width):
        self.num_classes = num_classes
        self.width = width
        self.prototypes = self.add_weight(
            shape=(num_classes, width),
            initializer="zeros",
            dtype=self._logit_dtype(),
            autocast=False,
            trainable=False,
            name="prototypes",
        )
        self.counts = self.add_weight(
            shape=(num_classes,),
            initializer="zeros",
            dtype="int32",
            autocast=False,
            trainable=False,
            name="counts",
        )

    def _check_adapted(self):
        if self.prototypes is None:
            raise ValueError(
                f"The layer {self.name!r} has no prototypes yet. Call "
                "`adapt(features, labels)` first, or call the layer with "
                "`support` and `support_labels`."
            )

    def _check_call(self, inputs, support, support_labels, ways):
        """Number of classes of the call, which must be a possible one."""
        if support is None and support_labels is None and ways is None:
            self._check_adapted()
            if len(inputs.shape) < 2 or inputs.shape[-1] != self.width:
                raise ValueError(
                    f"The prototypes of {self.name!r} have {self.width} "
                    "features. Expected inputs of shape "
                    f"(..., rows, {self.width}). Received: "
                    f"{tuple(inputs.shape)}."
                )
            return self.num_classes
        if support is None or support_labels is None:
            raise ValueError(
                f"An episode of {self.name!r} needs both `support` and "
                "`support_labels`; for fixed prototypes give neither."
            )
        ways = self.ways if ways is None else ways
        check_class_count("ways", ways)
        check_labels(support.shape, support_labels.shape, support_labels.dtype)
        shapes = tuple(inputs.shape), tuple(support.shape)
        ranks = *map(len, shapes), len(support_labels.shape) + 1
        known = None not in (shapes[0][0], shapes[1][0])
        if (
            ranks not in ((2, 2, 2), (3, 3, 3))
            or shapes[0][-1] != shapes[1][-1]
            or (ranks[0] == 3 and known and shapes[0][0] != shapes[1][0])
        ):
            raise ValueError(
                "An episode takes inputs (rows, d), support (shots, d) and "
                "support_labels (shots,), or all three with a leading axis of "
                f"tasks. Received shapes {shapes[0]}, {shapes[1]} and "
                f"{tuple(support_labels.shape)}."
            )
        return int(ways)


def _check_arguments(distance, temperature, ways, num_classes, width):
    check_nearness(distance, temperature)
    if ways is not None:
        check_class_count("ways", ways)
    if (num_classes is None) != (width is None):
        raise ValueError(
            "`num_classes` and `width` go together: they are the shape of "
            "fixed prototypes. For episodes give `ways`. Received: "
            f"num_classes={num_classes}, width={width}."
        )
    if num_classes is not None:
        check_class_count("num_classes", num_classes)
        check_class_count("width", width)
