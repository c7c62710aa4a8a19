"""Progress that a resumed run agrees with."""

from keras_transfer import schedules
from keras_transfer.training.epoch_progress import EpochProgress


def test_progress_is_a_function_of_the_epoch():
    progress = schedules.TrainingProgress()
    callback = EpochProgress(progress, steps=5, epochs=4)
    callback.on_epoch_begin(3)
    assert float(progress.share()) == 0.75
    progress.advance()
    assert round(float(progress.share()), 6) == 0.8
    callback.on_epoch_begin(0)
    assert float(progress.share()) == 0.0
