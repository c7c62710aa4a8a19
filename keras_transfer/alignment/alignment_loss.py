"""An alignment term as a layer inside one's own functional model."""

import keras

from keras_transfer._public import public
from keras_transfer.alignment import names
from keras_transfer.alignment.abstract_alignment import Representation
from keras_transfer.schedules.progress import TrainingProgress


@public("layers")
class AlignmentLoss(keras.layers.Layer):
    """Adds an alignment term to the model's loss and hands the source on.

    For models with a source and a target input that you build and train
    yourself; `DomainAdaptation` wraps an ordinary model instead.

    The term is added in training and in plain calls, and left out when
    `training=False`: `evaluate` shows the task alone, and one row can be
    predicted.

    Args:
        alignment: Name of a term, or a term. Terms that look at logits or
            labels need `DomainAdaptation`.
        total_steps: Number of training steps, for the terms' schedules; the
            layer counts them. By default schedules stand at their end.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        source: Features `(num_source, width)`.
        target: Features `(num_target, width)`.

    Output shape: that of `source`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> encoder = keras.layers.Dense(8, activation="relu")
    >>> source, target = keras.Input((4,)), keras.Input((4,))
    >>> features = kt.alignment.AlignmentLoss("deep_coral")(
    ...     encoder(source), encoder(target)
    ... )
    >>> outputs = keras.layers.Dense(3)(features)
    >>> keras.Model([source, target], outputs).output_shape
    (None, 3)
    """

    def __init__(self, alignment="dan", total_steps=None, **kwargs):
        super().__init__(**kwargs)
        self.alignment = names.get(alignment)
        self.total_steps = total_steps
        self._progress = TrainingProgress(total_steps, dtype="float32")

    def build(self, source_shape, target_shape):
        if not self.alignment.built:
            self.alignment.build(Representation(features=(source_shape,)))

    def call(self, source, target, training=None):
        if training is not False and not self.alignment.is_off:
            progress = self._progress.share()
            value = self.alignment(
                Representation(features=(source,)),
                Representation(features=(target,)),
                progress=progress,
                training=training,
            )
            self.add_loss(self.alignment.weight_at(progress) * value)
            if training:
                self._progress.advance()
        return source

    def compute_output_shape(self, source_shape, target_shape):
        return source_shape

    def get_config(self):
        return {
            **super().get_config(),
            "alignment": keras.saving.serialize_keras_object(self.alignment),
            "total_steps": self.total_steps,
        }
