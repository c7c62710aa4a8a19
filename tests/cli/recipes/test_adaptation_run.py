"""Recipes of domain adaptation."""

import numpy as np
import pytest

from keras_transfer import alignment
from keras_transfer.cli.recipes.adaptation_run import AdaptationRun
from keras_transfer.cli.recipes.adaptation_run import term
from keras_transfer.cli.recipes.recipe import Adaptation
from tests.cli.recipes import recipe_text


def test_terms_have_their_settings():
    assert term(Adaptation("adaptation", "none")) is None
    found = term(
        Adaptation(
            "adaptation",
            "dann",
            weight=0.5,
            strength=0.3,
            discriminator_units=(7, 5),
        )
    )
    assert type(found) is alignment.DomainAdversarial
    assert found.weight == 0.5
    assert found.strength.maximum == 0.3
    assert tuple(found.discriminator.units) == (7, 5)
    found = term(Adaptation("adaptation", "dan", weight=3.0))
    assert type(found) is alignment.MeanDiscrepancy and found.weight == 3.0
    found = term(Adaptation("adaptation", "deep_coral"))
    assert type(found) is alignment.CorrelationAlignment
    assert found.weight == alignment.CorrelationAlignment().weight


@pytest.mark.parametrize("name", ["none", "dann"])
def test_a_recipe_is_trained_and_measured(name):
    text = recipe_text.ADAPTATION.replace('"dann"', f'"{name}"')
    run = recipe_text.run_of(AdaptationRun, text)
    assert len(run.pairs) == 3
    before = [np.array(weight) for weight in run.model.get_weights()]
    run.fit([])
    after = run.model.get_weights()
    assert any((a != b).any() for a, b in zip(after, before, strict=True))
    figures = run.figures()
    assert set(figures) == {
        "source_test",
        "target_test",
        "information_minus_risk",
    }
    x, y = run.domains.target_test
    right = run.model.predict(x, verbose=0).argmax(axis=1) == y
    assert figures["target_test"] == pytest.approx(100 * right.mean())
    evidence = run.evidence()
    assert evidence["model"] is run.model
    assert evidence["features"] == "features"
    assert evidence["target"] is run.domains.target_test


def test_no_step_sees_labels_of_the_target():
    run = recipe_text.run_of(AdaptationRun, recipe_text.ADAPTATION)
    x, y = next(iter(run.pairs))
    assert set(x) == {"source", "target"}
    assert y.shape == (32,)
