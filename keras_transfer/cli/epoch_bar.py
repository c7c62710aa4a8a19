"""Progress of a training in one line, on standard error."""

import keras
from tqdm import tqdm


class EpochBar(keras.callbacks.Callback):
    """A bar of epochs.

    Args:
        title: What stands before it.
        verbose: Whether it is shown.
    """

    def __init__(self, title, verbose=True):
        super().__init__()
        self._title = title
        self._verbose = verbose

    def on_train_begin(self, logs=None):
        self._bar = tqdm(
            total=self.params["epochs"],
            desc=self._title,
            unit="epoch",
            disable=not self._verbose,
        )

    def on_epoch_end(self, epoch, logs=None):
        self._bar.update()

    def on_train_end(self, logs=None):
        self._bar.close()
