"""Recipes of fine-tuning on a few labelled rows."""

import tensorflow as tf

from keras_transfer import finetune
from keras_transfer.cli.recipes import networks
from keras_transfer.cli.recipes.abstract_run import AbstractRun
from keras_transfer.cli.recipes.abstract_run import accuracy
from keras_transfer.cli.recipes.abstract_run import probabilities


class FinetuneRun(AbstractRun):
    """A backbone of the zoo with a new head, by `finetune.prepare`."""

    tests = ("target",)

    def prepare(self):
        recipe, (x, y) = self.recipe, self.domains.target
        method, budget = recipe.method, recipe.budget
        self.batches = (
            tf.data.Dataset.from_tensor_slices((x, y))
            .shuffle(len(x), seed=self.seed)
            .repeat()
            .batch(budget.batch_size, drop_remainder=True)
            .prefetch(2)
        )
        self.steps = budget.steps_per_epoch or max(
            1, len(x) // budget.batch_size
        )
        rate = self.learning_rate(self.steps)
        # Of each stage: strategy, epochs and learning rate.
        self.stages = [(method.strategy, budget.epochs, rate)]
        if method.head_epochs:
            alone = method.head_learning_rate or budget.learning_rate
            self.stages.insert(0, ("head", method.head_epochs, alone))
        self.model = networks.network(recipe.model, x.shape[1:])
        self._prepare_stage(0)

    def _prepare_stage(self, number):
        strategy, _, rate = self.stages[number]
        # The head of the first stage stays.
        num_classes = None if number else self.domains.num_classes
        self.model, self.callbacks = finetune.prepare(
            self.model, num_classes, strategy, learning_rate=rate
        )

    def _fit(self, callbacks):
        first = 0
        for number, (_, epochs, _) in enumerate(self.stages):
            if number:
                self._prepare_stage(number)
            self.model.fit(
                self.batches,
                initial_epoch=first,
                epochs=first + epochs,
                steps_per_epoch=self.steps,
                shuffle=False,
                verbose=0,
                callbacks=[*self.callbacks, *callbacks],
            )
            first += epochs
        if self.recipe.method.strategy == "lora":
            self.model = finetune.merge_adapters(self.model)

    def figures(self):
        x, y = self.domains.target_test
        return {"target_test": accuracy(probabilities(self.model, x), y)}

    def evidence(self):
        return {
            "model": self.model,
            "source": self.domains.target,
            "target": self.domains.target_test,
            "class_names": self.domains.class_names,
        }
