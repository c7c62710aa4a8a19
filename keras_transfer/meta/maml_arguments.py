"""What `MAML` may be given."""

import math
import numbers

from keras_transfer._public import invalid_argument
from keras_transfer._public import is_integer
from keras_transfer._public import unknown_name
from keras_transfer.meta import batch_statistics
from keras_transfer.meta import inner_rates
from keras_transfer.meta.derivative_order_annealing import (
    DerivativeOrderAnnealing,
)
from keras_transfer.meta.multi_step_loss import MultiStepLoss
from keras_transfer.meta.per_step_batch_norm import PerStepBatchNorm

OPTIONS = (MultiStepLoss, DerivativeOrderAnnealing, PerStepBatchNorm)
_INITIALIZATIONS = (None, "prototypes")


def check(maml):
    """Raises unless the settings of a `MAML` are in their ranges."""
    rate, clip = maml.inner_learning_rate, maml.inner_gradient_clip
    if not _is_number(rate) or not math.isfinite(rate):
        raise invalid_argument("inner_learning_rate", rate, "a number")
    check_steps("inner_steps", maml.inner_steps)
    if maml.inner_steps_at_test is not None:
        check_steps("inner_steps_at_test", maml.inner_steps_at_test)
    if clip is not None and (not _is_number(clip) or not clip > 0):
        raise invalid_argument("inner_gradient_clip", clip, "a positive number")
    if not is_integer(maml.parallel_tasks, least=1):
        raise invalid_argument(
            "parallel_tasks", maml.parallel_tasks, "a positive integer"
        )
    for name, known in (
        ("learn_inner_rates", inner_rates.KINDS),
        ("statistics", batch_statistics.STATISTICS),
        ("initialization", _INITIALIZATIONS),
    ):
        value = getattr(maml, name)
        if value not in known:
            names = [one for one in known if one is not None]
            raise unknown_name(name, value, names)


def check_steps(name, value):
    """Raises unless `value` is an integer of at least 0."""
    if not is_integer(value, least=0):
        raise invalid_argument(name, value, "an integer of at least 0")


def options_by_kind(options):
    """A dict of options by their class.

    Raises:
        ValueError: If one is of another class, or there are two of one.
    """
    if not isinstance(options, list | tuple):
        options = [options]
    found = {}
    for option in options:
        if type(option) not in OPTIONS or type(option) in found:
            raise invalid_argument(
                "options",
                options,
                "at most one each of "
                f"{', '.join(f'meta.{kind.__name__}' for kind in OPTIONS)}",
            )
        found[type(option)] = option
    return found


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
