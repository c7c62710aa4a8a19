"""Callbacks that more than one family uses."""

from keras_transfer.callbacks.best_plain_model import (
    BestPlainModel as BestPlainModel,
)
from keras_transfer.callbacks.gradual_unfreezing import (
    GradualUnfreezing as GradualUnfreezing,
)
from keras_transfer.callbacks.run_log import RunLog as RunLog
