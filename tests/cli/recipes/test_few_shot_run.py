"""Recipes of learning from a few examples."""

import pytest

from keras_transfer import meta
from keras_transfer.cli.recipes.few_shot_run import FewShotRun
from tests.cli.recipes import recipe_text


@pytest.mark.parametrize(
    ("learner", "kind"),
    [
        ("prototypical", meta.PrototypicalNetwork),
        ("matching", meta.MatchingNetwork),
    ],
)
def test_classes_that_measure_were_never_seen(fake_data, learner, kind):
    text = recipe_text.FEW_SHOT.replace(
        'family = "few_shot"', f'family = "few_shot"\nlearner = "{learner}"'
    )
    run = recipe_text.run_of(FewShotRun, text, fake_data)
    assert type(run.trainer) is kind
    seen = set(run.domains.source[1])
    measured = set(run.domains.source_test[1])
    assert len(seen) == 18 and len(measured) == 6 and not seen & measured
    x, _ = next(iter(run.test_episodes))
    assert x["support"].shape == (1, 5, 28, 28, 1)
    assert x["query"].shape == (1, 15, 28, 28, 1)
    if learner == "prototypical":
        run.fit([])
        figures = run.figures()
        assert set(figures) == {"accuracy_moving", "interval_moving"}
        # Far above chance: a class is one pattern.
        assert figures["accuracy_moving"] > 40


def test_which_classes_measure_does_not_depend_on_the_seed(fake_data):
    first, second = (
        recipe_text.run_of(FewShotRun, recipe_text.FEW_SHOT, fake_data, seed)
        for seed in (0, 1)
    )
    assert set(first.domains.source_test[1]) == set(
        second.domains.source_test[1]
    )
