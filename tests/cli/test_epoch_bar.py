"""The line of progress."""

import keras
import numpy as np
import pytest

from keras_transfer.cli.epoch_bar import EpochBar


@pytest.mark.parametrize("verbose", [True, False])
def test_every_epoch_is_counted(capsys, verbose):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    rows = np.ones((2, 1))
    model.fit(
        rows, rows, epochs=3, verbose=0, callbacks=[EpochBar("dann", verbose)]
    )
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("dann" in shown.err and "3/3" in shown.err) == verbose
