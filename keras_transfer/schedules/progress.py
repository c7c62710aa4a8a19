"""Where training stands, as variables that are saved with the weights."""

import keras
from keras import ops

from keras_transfer._public import public


@public("schedules")
class TrainingProgress(keras.layers.Layer):
    """Counts steps and tells the share of training that is done.

    A layer so that Keras tracks and saves its variables: a resumed run goes
    on where it stopped. The count advances inside the compiled step, so it is
    right with `steps_per_execution` and `jit_compile` too.

    Args:
        total_steps: Number of steps of the whole training, or `None` if not
            known yet: until `restart` sets it, progress is 1, the value that
            schedules end with.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    >>> from keras_transfer import schedules
    >>> progress = schedules.TrainingProgress(total_steps=10)
    >>> progress.advance()
    >>> round(float(progress.share()), 3)
    0.1
    """

    def __init__(self, total_steps=None, **kwargs):
        super().__init__(**kwargs)
        self.total_steps = total_steps
        self._step = self._counter("step", 0)
        self._total = self._counter("total", total_steps or 0)
        self.built = True

    def call(self, inputs):
        return inputs

    def restart(self, total_steps, step=0):
        """Begins to count a training of `total_steps` at `step`."""
        self._total.assign(total_steps)
        self._step.assign(step)

    def advance(self):
        """Counts one step."""
        self._step.assign(self._step + 1)

    def share(self):
        """Share of the steps that is done, a float32 scalar in [0, 1]."""
        total = ops.cast(self._total.value, "float32")
        step = ops.cast(self._step.value, "float32")
        return ops.where(
            total > 0, ops.minimum(step / ops.maximum(total, 1.0), 1.0), 1.0
        )

    def get_config(self):
        return {**super().get_config(), "total_steps": self.total_steps}

    def _counter(self, name, value):
        return self.add_weight(
            name=name,
            shape=(),
            dtype="int32",
            initializer=keras.initializers.Constant(value),
            trainable=False,
            # Every replica counts the same steps.
            aggregation="only_first_replica",
        )
