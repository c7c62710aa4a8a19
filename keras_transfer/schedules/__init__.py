"""Values that change with the progress of training."""

from keras_transfer.schedules.learning_rates import (
    AnnealedLearningRate as AnnealedLearningRate,
)
from keras_transfer.schedules.progress import (
    TrainingProgress as TrainingProgress,
)
from keras_transfer.schedules.schedule import (
    AbstractSchedule as AbstractSchedule,
)
from keras_transfer.schedules.schedule import LinearRamp as LinearRamp
from keras_transfer.schedules.schedule import SigmoidRamp as SigmoidRamp
from keras_transfer.schedules.schedule import get as get
from keras_transfer.schedules.schedule import serialize as serialize
from keras_transfer.schedules.schedule import value_at as value_at
from keras_transfer.schedules.slanted_triangular import (
    SlantedTriangular as SlantedTriangular,
)
