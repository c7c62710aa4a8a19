"""The loss of queries after every inner step."""

import tensorflow as tf

from keras_transfer._public import public
from keras_transfer.ops.prototypes import check_class_count

#: Share of `1 / steps` below which no weight falls while steps count.
_FLOOR = 0.03


@public("meta")
class MultiStepLoss:
    """Lets the queries count after every inner step, at first.

    Formula, with `K` inner steps, `e` the number of the epoch from 0 and `L_k`
    the loss of the queries after step `k`:

        loss = sum_k w_k L_k
        w_k = max(1 / K - e / (K * epochs), 0.03 / K)    for k < K
        w_K = 1 - sum_{k < K} w_k

    From the epoch `epochs` on it is `L_K` alone, and costs no more than that.
    Training with several inner steps becomes more stable, and the batches of
    the first epochs take longer.

    Args:
        epochs: Number of epochs in which all steps count.

    Example:

    >>> from keras_transfer import meta
    >>> loss = meta.MultiStepLoss(epochs=10)
    >>> loss.weights(epoch=0, steps=4).numpy().tolist()
    [0.25, 0.25, 0.25, 0.25]

    Reference:

    - [Antoniou et al., 2019, How to train your MAML, section
      4](https://arxiv.org/abs/1810.09502)
    """

    def __init__(self, epochs):
        check_class_count("epochs", epochs)
        self.epochs = epochs

    def weights(self, epoch, steps):
        """The weights of the losses after each step, `(steps,)`.

        Args:
            epoch: Number of the epoch, below `epochs`.
            steps: Number of inner steps.
        """
        past = tf.cast(epoch, "float32") / self.epochs
        early = tf.maximum((1.0 - past) / steps, _FLOOR / steps)
        last = 1.0 - (steps - 1) * early
        return tf.concat([tf.fill([steps - 1], early), [last]], 0)

    def get_config(self):
        return {"epochs": self.epochs}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
