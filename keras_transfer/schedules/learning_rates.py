"""Learning rates for `keras.optimizers`."""

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public


@public("schedules")
class AnnealedLearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of the DANN paper.

    Formula, with p = step / total_steps:

        initial_learning_rate / (1 + decay * p)^power

    Args:
        initial_learning_rate: Value at the first step.
        total_steps: Number of steps of the whole training. Later steps keep
            falling.
        decay: The paper's alpha.
        power: The paper's beta.
        name: Optional name.

    Example:

    >>> import keras
    >>> from keras_transfer import schedules
    >>> rate = schedules.AnnealedLearningRate(0.01, total_steps=1000)
    >>> optimizer = keras.optimizers.SGD(rate, momentum=0.9)
    >>> round(float(rate(1000)), 5)
    0.00166

    Reference:

    - [Ganin et al., 2016, Domain-Adversarial Training of Neural Networks,
      JMLR 17(59), section 5.2.2](https://arxiv.org/abs/1505.07818)
    """

    def __init__(
        self,
        initial_learning_rate=0.01,
        total_steps=None,
        decay=10.0,
        power=0.75,
        name="annealed_learning_rate",
    ):
        if not total_steps or total_steps < 1:
            raise invalid_argument(
                "total_steps", total_steps, "the number of training steps"
            )
        super().__init__()
        self.initial_learning_rate = initial_learning_rate
        self.total_steps = total_steps
        self.decay = decay
        self.power = power
        self.name = name

    def __call__(self, step):
        progress = ops.cast(step, "float32") / self.total_steps
        return (
            self.initial_learning_rate
            / (1.0 + self.decay * progress) ** self.power
        )

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "total_steps": self.total_steps,
            "decay": self.decay,
            "power": self.power,
            "name": self.name,
        }
