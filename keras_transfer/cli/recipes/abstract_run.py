"""One training of a recipe, with one seed."""

import abc
import time

import keras

from keras_transfer import schedules
from keras_transfer.cli import scores


class AbstractRun(abc.ABC):
    """What every family does with a recipe.

    `prepare` makes everything that can go wrong before training, `fit`
    trains, `figures` measures.

    Args:
        recipe: A `Recipe`.
        domains: The rows, `Domains`.
        seed: Of everything random, set before.

    Attributes:
        model: Plain model, or `None` where there is none.
        seconds: Of `fit` alone.
    """

    #: Domains whose test part measures.
    tests = ("source", "target")
    #: Names of figures that are no accuracies.
    not_in_per_cent = ("information_minus_risk",)

    def __init__(self, recipe, domains, seed):
        self.recipe = recipe
        self.domains = domains
        self.seed = seed
        self.model = None
        self.seconds = 0.0

    @abc.abstractmethod
    def prepare(self):
        """Builds the model and the data, compiles; trains nothing."""

    @abc.abstractmethod
    def figures(self):
        """Dict from the name of a figure to a float; accuracies in per cent.

        Only this may read labels of a target that has none in training.
        """

    @abc.abstractmethod
    def _fit(self, callbacks):
        """Trains."""

    def fit(self, callbacks):
        """Trains and takes the time."""
        began = time.perf_counter()
        self._fit(callbacks)
        self.seconds = time.perf_counter() - began

    @property
    def fitted(self):
        """What learns; its class is in the run folder."""
        return self.model

    def as_share(self, name, figure):
        """A figure as run folders hold it: an accuracy from 0 to 1."""
        return figure if name in self.not_in_per_cent else figure / 100.0

    def evidence(self):
        """Arguments of `explain.record_evidence`; none for no pictures."""
        return {}

    def describe(self):
        """What is there after `prepare`, in a sentence for people."""
        rows = ", ".join(
            f"{name.replace('_', ' ')} {len(part[0])}"
            for name, part in self.domains._asdict().items()
            if name != "class_names" and part is not None
        )
        if self.model is None:
            return f"rows: {rows}"
        return f"rows: {rows}; {self.model.count_params():,} parameters"

    def learning_rate(self, steps_per_epoch):
        """The recipe's, with its schedule over the whole training."""
        budget = self.recipe.budget
        rate, steps = budget.learning_rate, budget.epochs * steps_per_epoch
        if budget.schedule == "cosine":
            return keras.optimizers.schedules.CosineDecay(rate, steps)
        if budget.schedule == "annealed":
            return schedules.AnnealedLearningRate(rate, total_steps=steps)
        return rate

    def optimizer(self, steps_per_epoch):
        """The recipe's."""
        rate = self.learning_rate(steps_per_epoch)
        if self.recipe.budget.optimizer == "sgd":
            return keras.optimizers.SGD(rate, momentum=0.9)
        makers = {
            "adam": keras.optimizers.Adam,
            "adamw": keras.optimizers.AdamW,
        }
        return makers[self.recipe.budget.optimizer](rate)


def probabilities(model, images):
    """Class probabilities of a model that returns logits."""
    return scores.probabilities(model, images, batch_size=500)


def accuracy(probabilities, labels):
    """Accuracy in per cent."""
    return 100.0 * scores.accuracy(probabilities, labels)
