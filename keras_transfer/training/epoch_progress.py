"""The progress of training as a function of the number of the epoch."""

import keras


class EpochProgress(keras.callbacks.Callback):
    """Sets the progress at the begin of each epoch.

    So a run goes on where it stopped, also with more epochs than planned at
    first.

    Args:
        progress: A `schedules.TrainingProgress`.
        steps: Number of steps in an epoch.
        epochs: Number of epochs of the whole training.
    """

    def __init__(self, progress, steps, epochs):
        super().__init__()
        self._progress = progress
        self._steps = steps
        self._epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self._progress.restart(
            self._steps * self._epochs, step=self._steps * epoch
        )
