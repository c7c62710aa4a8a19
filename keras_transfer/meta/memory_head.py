"""A classifier whose knowledge is the state of a memory cell."""

import keras
from keras import ops

from keras_transfer._public import public


@public("meta")
class MemoryHead(keras.layers.Layer):
    """Classifies features by one more step of a memory cell.

    Each row is a step of its own from the same state, so that no row sees
    another.

    Args:
        cell: A `layers.LeastRecentlyUsedMemoryCell`.
        classifier: Dense layer from the cell's output to logits.
        ways: Number of classes that the cell knows.
        num_classes: Number of classes that have been shown; the logits of the
            others are left out.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, cell, classifier, ways, num_classes, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.cell = cell
        self.classifier = classifier
        self.ways = ways
        self.num_classes = num_classes

    def build(self, input_shape):
        if not self.cell.built:
            self.cell.build((None, input_shape[-1] + self.ways))
        if not self.classifier.built:
            self.classifier.build((None, self.cell.output_size))
        sizes = [self.ways, *self.cell.state_size]
        self._known = [
            self.add_weight(
                (1, size),
                initializer="zeros",
                dtype=self.cell.compute_dtype,
                trainable=False,
                autocast=False,
                name=f"known_{index}",
            )
            for index, size in enumerate(sizes)
        ]

    def remember(self, last, states):
        """Sets what every row begins with.

        Args:
            last: The last label that was shown, one-hot `(1, ways)`.
            states: States of one row, as the cell returns them.
        """
        for variable, value in zip(self._known, [last, *states], strict=True):
            variable.assign(value)

    def call(self, inputs):
        rows = ops.shape(inputs)[0]
        last, *states = [
            ops.broadcast_to(known, (rows, known.shape[-1]))
            for known in self._known
        ]
        features = ops.cast(inputs, self.cell.compute_dtype)
        features = ops.concatenate([features, last], axis=-1)
        outputs, _ = self.cell(features, states)
        return self.classifier(outputs)[:, : self.num_classes]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.num_classes)

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(shape, dtype=self.cell.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "cell": keras.saving.serialize_keras_object(self.cell),
            "classifier": keras.saving.serialize_keras_object(self.classifier),
            "ways": self.ways,
            "num_classes": self.num_classes,
        }

    @classmethod
    def from_config(cls, config):
        parts = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("cell", "classifier")
        }
        return cls(**{**config, **parts})
