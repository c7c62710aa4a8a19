"""The number of the epoch, told to data that depend on it."""

import keras
from keras import tree


class DataEpoch(keras.callbacks.Callback):
    """Tells a dataset at the begin of each epoch which one it is.

    `data.pair_domains` and `data.episodes` draw what `(seed, epoch)` says. So
    a run that is broken and resumed sees what it would have seen.

    Args:
        variable: The variable `epoch` of the dataset, or `None`.
    """

    def __init__(self, variable):
        super().__init__()
        self._variable = variable

    def on_epoch_begin(self, epoch, logs=None):
        if self._variable is not None:
            self._variable.assign(epoch)


def as_list(callbacks):
    """The callbacks of `fit` as a list."""
    if callbacks is None:
        return []
    return list(tree.flatten(callbacks))
