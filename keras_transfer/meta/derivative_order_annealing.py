"""First-order gradients before second-order ones."""

from keras_transfer._public import public
from keras_transfer.ops.prototypes import check_class_count


@public("meta")
class DerivativeOrderAnnealing:
    """Lets inner gradients count as constants in the first epochs.

    These epochs take about half the time; the second order then refines.

    Args:
        first_order_epochs: Number of epochs of the first order.

    Example:

    >>> from keras_transfer import meta
    >>> meta.DerivativeOrderAnnealing(50).first_order_epochs
    50

    Reference:

    - [Antoniou et al., 2019, How to train your MAML, section
      4](https://arxiv.org/abs/1810.09502)
    """

    def __init__(self, first_order_epochs):
        check_class_count("first_order_epochs", first_order_epochs)
        self.first_order_epochs = first_order_epochs

    def get_config(self):
        return {"first_order_epochs": self.first_order_epochs}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
