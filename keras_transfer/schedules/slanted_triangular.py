"""The learning rate of ULMFiT."""

import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public


@public("schedules")
class SlantedTriangular(keras.optimizers.schedules.LearningRateSchedule):
    """A short, steep rise of the learning rate and a long decay.

    Formula, at step t of T:

        cut = floor(T * cut_fraction)
        p = t / cut                                     if t < cut
        p = 1 - (t - cut) / (cut * (1 / cut_fraction - 1))  otherwise
        rate = max_learning_rate * (1 + p * (ratio - 1)) / ratio

    so that the rate begins and ends at `max_learning_rate / ratio`. Steps
    after T keep that value.

    Bad at: trainings whose length is not known beforehand.

    Args:
        max_learning_rate: Value at the top, reached at step `cut`.
        total_steps: Number of steps of the whole training.
        cut_fraction: Share of the steps, in (0, 1), in which the rate rises.
        ratio: How much smaller the lowest rate is than the highest.
        name: Optional name.

    Raises:
        ValueError: If an argument is out of range, or if so few steps rise
            that there is none.

    Example:

    >>> import keras
    >>> from keras_transfer import schedules
    >>> rate = schedules.SlantedTriangular(0.01, total_steps=100)
    >>> optimizer = keras.optimizers.SGD(rate)
    >>> [round(float(rate(step)), 5) for step in (0, 10, 55, 100)]
    [0.00031, 0.01, 0.00516, 0.00031]

    Reference:

    - [Howard & Ruder, 2018, Universal Language Model Fine-tuning for Text
      Classification, eq. 3](https://arxiv.org/abs/1801.06146)
    """

    def __init__(
        self,
        max_learning_rate=0.01,
        total_steps=None,
        cut_fraction=0.1,
        ratio=32,
        name="slanted_triangular",
    ):
        if not isinstance(total_steps, numbers.Real) or total_steps < 1:
            raise invalid_argument(
                "total_steps", total_steps, "the number of training steps"
            )
        if not 0 < cut_fraction < 1:
            raise invalid_argument(
                "cut_fraction", cut_fraction, "a number between 0 and 1"
            )
        if not ratio >= 1:
            raise invalid_argument("ratio", ratio, "a number of at least 1")
        if math.floor(total_steps * cut_fraction) < 1:
            raise invalid_argument(
                "cut_fraction",
                cut_fraction,
                f"at least 1 / total_steps = {1 / total_steps:.3g}",
                "The rate would not rise at all.",
            )
        super().__init__()
        self.max_learning_rate = max_learning_rate
        self.total_steps = total_steps
        self.cut_fraction = cut_fraction
        self.ratio = ratio
        self.name = name

    def __call__(self, step):
        step = ops.cast(step, "float32")
        cut = math.floor(self.total_steps * self.cut_fraction)
        fall = cut * (1.0 / self.cut_fraction - 1.0)
        height = ops.minimum(step / cut, 1.0 - (step - cut) / fall)
        height = ops.maximum(height, 0.0)
        return (
            self.max_learning_rate
            * (1.0 + height * (self.ratio - 1.0))
            / self.ratio
        )

    def get_config(self):
        return {
            "max_learning_rate": self.max_learning_rate,
            "total_steps": self.total_steps,
            "cut_fraction": self.cut_fraction,
            "ratio": self.ratio,
            "name": self.name,
        }
