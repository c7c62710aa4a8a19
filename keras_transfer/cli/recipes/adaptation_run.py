"""Recipes of domain adaptation."""

import keras

from keras_transfer import adaptation
from keras_transfer import alignment
from keras_transfer import data
from keras_transfer import layers
from keras_transfer import schedules
from keras_transfer import selection
from keras_transfer.cli.recipes import networks
from keras_transfer.cli.recipes.abstract_run import AbstractRun
from keras_transfer.cli.recipes.abstract_run import accuracy
from keras_transfer.cli.recipes.abstract_run import probabilities


class AdaptationRun(AbstractRun):
    """`DomainAdaptation` with one term, or on the source alone."""

    def prepare(self):
        recipe, domains = self.recipe, self.domains
        source, target = domains.source, domains.target
        self.model = networks.network(
            recipe.model, source[0].shape[1:], domains.num_classes
        )
        method, budget = recipe.method, recipe.budget
        self.trainer = adaptation.DomainAdaptation(
            self.model,
            alignment=term(method),
            features=method.features,
            batch_norm=method.batch_norm,
        )
        self.pairs = data.pair_domains(
            source,
            target[0],
            batch_size=budget.batch_size,
            seed=self.seed,
            steps_per_epoch=budget.steps_per_epoch,
        )
        self.trainer.compile(
            self.optimizer(len(self.pairs)),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=budget.jit_compile,
        )

    def _fit(self, callbacks):
        self.trainer.fit(
            self.pairs,
            epochs=self.recipe.budget.epochs,
            verbose=0,
            callbacks=callbacks,
        )

    def figures(self):
        domains = self.domains
        of_source, of_target, of_test = (
            probabilities(self.model, part[0])
            for part in (
                domains.source_test,
                domains.target,
                domains.target_test,
            )
        )
        labels = domains.source_test[1]
        return {
            "source_test": accuracy(of_source, labels),
            "target_test": accuracy(of_test, domains.target_test[1]),
            "information_minus_risk": float(
                selection.information_minus_risk(of_target, of_source, labels)
            ),
        }

    def evidence(self):
        return {
            "model": self.model,
            "source": self.domains.source_test,
            "target": self.domains.target_test,
            "features": self.recipe.method.features,
            "class_names": self.domains.class_names,
        }


def term(method):
    """The alignment term of a recipe's method, or `None`."""
    if method.alignment == "none":
        return None
    settings = {}
    if method.weight is not None:
        settings["weight"] = method.weight
    if method.strength is not None:
        settings["strength"] = schedules.SigmoidRamp(maximum=method.strength)
    if method.discriminator_units is not None:
        settings["discriminator"] = layers.DomainDiscriminator(
            units=method.discriminator_units
        )
    # The class behind the short name, with the settings.
    return type(alignment.get(method.alignment))(**settings)
