"""Keeps the best plain model of a training."""

import pathlib

import keras

from keras_transfer import _files
from keras_transfer._public import invalid_argument
from keras_transfer.callbacks.best_value import BestValue
from keras_transfer.data.model_outputs import plain_model


class BestPlainModel(keras.callbacks.Callback):
    """Saves the wrapped model, not the trainer, when a value improves.

    The file is a `.keras` model that holds inference layers only. It is
    written under another name and then renamed, so that a crash leaves the
    previous one whole.

    Args:
        filepath: Where to save, ending in `.keras`.
        monitor: Name of the logged value. Do not monitor a value that needs
            target labels if you claim to have none.
        mode: `"min"`, `"max"`, or `"auto"`: the larger the better for names
            that end in "accuracy" or "auc", the smaller for all others.
        initial_value_threshold: Value to beat before anything is saved; the
            `best` of an earlier run that is continued.

    Attributes:
        best: The best value so far, or `None`.

    Example:

    >>> from keras_transfer import callbacks
    >>> callback = callbacks.BestPlainModel("best.keras", monitor="val_loss")
    >>> callback.best is None
    True
    """

    def __init__(
        self,
        filepath,
        monitor="val_loss",
        mode="auto",
        initial_value_threshold=None,
    ):
        filepath = pathlib.Path(filepath)
        if filepath.suffix != ".keras":
            raise invalid_argument(
                "filepath", str(filepath), "a name that ends in .keras"
            )
        best = BestValue(monitor, mode, initial_value_threshold)
        super().__init__()
        self.filepath = filepath
        self.monitor = monitor
        self.mode = best.mode
        self._best = best

    @property
    def best(self):
        return self._best.value

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.monitor not in logs:
            raise ValueError(
                f"BestPlainModel monitors {self.monitor!r}, which is not "
                f"logged. Expected one of {sorted(logs)}."
            )
        if self._best.update(float(logs[self.monitor])):
            self._save()

    def _save(self):
        self.filepath.parent.mkdir(parents=True, exist_ok=True)
        with _files.written_whole(self.filepath) as partial:
            plain_model(self.model).save(partial)
