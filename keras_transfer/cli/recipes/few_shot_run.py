"""Recipes of learning from a few examples."""

from keras_transfer import data
from keras_transfer import meta
from keras_transfer.cli.recipes import networks
from keras_transfer.cli.recipes.abstract_run import AbstractRun

_LEARNERS = {
    "prototypical": meta.PrototypicalNetwork,
    "matching": meta.MatchingNetwork,
}


class FewShotRun(AbstractRun):
    """Episodes of some classes train, episodes of others measure."""

    tests = ()

    def prepare(self):
        recipe, (x, y) = self.recipe, self.domains.source
        method, budget = recipe.method, recipe.budget
        train, test = data.split_classes(
            y, [1.0 - recipe.data.held_out, recipe.data.held_out]
        )
        # Which classes measure is the same for every seed.
        self.domains = self.domains._replace(
            source=(x[train], y[train]), source_test=(x[test], y[test])
        )
        self.model = networks.network(recipe.model, x.shape[1:])
        self.episodes = self._episodes(
            self.domains.source,
            ways=method.train_ways or method.ways,
            queries=method.train_queries,
            tasks=method.tasks,
            seed=self.seed,
            steps_per_epoch=budget.steps_per_epoch or 100,
        )
        self.test_episodes = self._episodes(
            self.domains.source_test,
            ways=method.ways,
            queries=method.queries,
            tasks=1,
            seed=0,
            fixed=True,
            steps_per_epoch=method.episodes,
        )
        self.trainer = _LEARNERS[method.learner](self.model)
        self.trainer.compile(
            self.optimizer(len(self.episodes)), jit_compile=budget.jit_compile
        )

    def _fit(self, callbacks):
        self.trainer.fit(
            self.episodes,
            epochs=self.recipe.budget.epochs,
            verbose=0,
            callbacks=callbacks,
        )

    def figures(self):
        scores = self.trainer.evaluate_episodes(
            self.test_episodes,
            self.recipe.method.episodes,
            verbose=False,
        )
        return {
            name: value
            for statistics, score in scores.items()
            for name, value in (
                (f"accuracy_{statistics}", 100.0 * score.mean),
                (f"interval_{statistics}", 100.0 * score.interval),
            )
        }

    def _episodes(self, rows, **settings):
        method = self.recipe.method
        return data.episodes(
            *rows, shots=method.shots, rotations=method.rotations, **settings
        )
