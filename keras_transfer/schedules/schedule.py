"""Schedules: functions of the progress of training, from 0 to 1."""

import abc
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public


class AbstractSchedule(abc.ABC):
    """A scalar function of training progress.

    A new schedule is a class with `__call__` and `get_config`, decorated with
    `@public("schedules")`. It holds no state: progress belongs to the trainer.
    """

    @abc.abstractmethod
    def __call__(self, progress):
        """Value at `progress`, a float scalar between 0 and 1."""

    @abc.abstractmethod
    def get_config(self):
        """Arguments of the constructor."""

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@public("schedules")
class SigmoidRamp(AbstractSchedule):
    """The reversal strength of the DANN paper: from 0 to `maximum`, S-shaped.

    Formula:

        maximum * (2 / (1 + exp(-sharpness * progress)) - 1)

    Args:
        maximum: Value approached at the end.
        sharpness: The paper's gamma.

    Example:

    >>> from keras_transfer import schedules
    >>> round(float(schedules.SigmoidRamp()(1.0)), 4)
    0.9999

    Reference:

    - [Ganin et al., 2016, Domain-Adversarial Training of Neural Networks,
      JMLR 17(59), section 5.2.2](https://arxiv.org/abs/1505.07818)
    """

    def __init__(self, maximum=1.0, sharpness=10.0):
        if not sharpness > 0:
            raise invalid_argument("sharpness", sharpness, "a positive number")
        self.maximum = maximum
        self.sharpness = sharpness

    def __call__(self, progress):
        # 2 * sigmoid(z) - 1 = tanh(z / 2), which does not cancel near zero.
        return self.maximum * ops.tanh(0.5 * self.sharpness * progress)

    def get_config(self):
        return {"maximum": self.maximum, "sharpness": self.sharpness}


@public("schedules")
class LinearRamp(AbstractSchedule):
    """A straight line from `start` to `end`, reached at `until`.

    Formula:

        start + (end - start) * min(progress / until, 1)

    Args:
        start: Value at progress 0.
        end: Value from progress `until` on.
        until: Progress, in (0, 1], at which `end` is reached.

    Example:

    >>> from keras_transfer import schedules
    >>> float(schedules.LinearRamp(0.0, 2.0, until=0.5)(0.25))
    1.0
    """

    def __init__(self, start=0.0, end=1.0, until=1.0):
        if not 0 < until <= 1:
            raise invalid_argument("until", until, "a number in (0, 1]")
        self.start = start
        self.end = end
        self.until = until

    def __call__(self, progress):
        share = ops.minimum(progress / self.until, 1.0)
        return self.start + (self.end - self.start) * share

    def get_config(self):
        return {"start": self.start, "end": self.end, "until": self.until}


def get(value, argument="schedule"):
    """Checks a number or schedule, and revives a schedule from its config.

    Args:
        value: Number, `AbstractSchedule`, or what `serialize` made of one.
        argument: Name of the argument in the error message.

    Returns:
        The number, or an `AbstractSchedule`.

    Raises:
        ValueError: For anything else.

    Example:

    >>> from keras_transfer import schedules
    >>> schedules.get(2.0)
    2.0
    """
    if isinstance(value, dict):
        value = keras.saving.deserialize_keras_object(value)
    if isinstance(value, AbstractSchedule):
        return value
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        # NumPy's numbers too; those would not go into a saved config.
        return value if isinstance(value, int) else float(value)
    raise invalid_argument(argument, value, "a number or a schedule")


def value_at(value, progress):
    """Value of a number or schedule at a share of training.

    Args:
        value: Number or `AbstractSchedule`.
        progress: Share of training done, between 0 and 1.

    Returns:
        The number itself, or a scalar tensor.

    Example:

    >>> from keras_transfer import schedules
    >>> schedules.value_at(0.3, progress=0.5)
    0.3
    """
    return value(progress) if isinstance(value, AbstractSchedule) else value


def serialize(value):
    """The inverse of `get`, for `get_config`.

    Args:
        value: Number or `AbstractSchedule`.

    Returns:
        The number itself, or a dict.

    Example:

    >>> from keras_transfer import schedules
    >>> schedules.get(schedules.serialize(schedules.LinearRamp())).end
    1.0
    """
    if isinstance(value, AbstractSchedule):
        return keras.saving.serialize_keras_object(value)
    return value
