"""Batch norm of its own for each inner step, as an option."""

from keras_transfer._public import public


@public("meta")
class PerStepBatchNorm:
    """Gives each inner step its own gamma, beta and moving statistics.

    Activations change their distribution from step to step. The first step
    has the variables of the model; the others, as many as there are inner
    steps in training, belong to the trainer. Queries take those of the last
    step, and so does the model that `adapt` returns.

    Gamma and beta are learnt in the outer loop only: the inner loop leaves
    them out.

    Example:

    >>> from keras_transfer import meta
    >>> meta.PerStepBatchNorm().get_config()
    {}

    Reference:

    - [Antoniou et al., 2019, How to train your MAML, section
      4](https://arxiv.org/abs/1810.09502)
    """

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
