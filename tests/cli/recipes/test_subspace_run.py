"""Recipes of closed-form alignment."""

import numpy as np
import pytest
from sklearn.svm import SVC

from keras_transfer import subspace
from keras_transfer.cli.recipes.read_recipe import read_recipe
from keras_transfer.cli.recipes.subspace_run import SubspaceRun
from keras_transfer.cli.recipes.subspace_run import scaled
from tests.cli.recipes import recipe_text


def _run(text, folder):
    run = recipe_text.run_of(SubspaceRun, text, folder)
    run.fit([])
    return run


def test_scaling_in_numpy(generator):
    rows = generator.integers(0, 9, (7, 3)).astype("uint8")
    rows[:, 2] = 4  # constant
    rows[0] = 0
    shares, others = scaled(["divide_by_sum"], rows, rows[:2])
    sums = rows.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares[1:], rows[1:] / sums[1:])
    assert (shares[0] == 0).all()
    np.testing.assert_array_equal(others, shares[:2])
    scores, others = scaled(["z_scores"], rows, rows[:2] + 1)
    np.testing.assert_allclose(scores[:, :2].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scores[:, :2].std(axis=0), 1)
    # Others are measured by the first rows' means and deviations.
    deviation = np.where(rows.std(axis=0) == 0, 1, rows.std(axis=0))
    np.testing.assert_allclose(others, scores[:2] + 1 / deviation)
    (units,) = scaled(["unit_length"], rows)
    np.testing.assert_allclose(np.linalg.norm(units[1:], axis=1), 1)
    assert (units[0] == 0).all()
    (maps,) = scaled([], np.zeros((2, 3, 4)))
    assert maps.shape == (2, 12)


def test_the_figure_is_that_of_the_nearest_neighbour_by_hand(fake_data):
    run = _run(recipe_text.SUBSPACE, fake_data)
    (source,), (target,) = (
        scaled(run.recipe.method.scaling, part[0])
        for part in (run.domains.source, run.domains.target)
    )
    layer = subspace.SubspaceAlignment(2)
    layer.adapt(source, target)
    a = np.asarray(layer(source, domain="source"), "float64")
    b = np.asarray(layer(target), "float64")
    nearest = ((b[:, None] - a[None]) ** 2).sum(axis=2).argmin(axis=1)
    right = run.domains.source[1][nearest] == run.domains.target_test[1]
    assert run.figures() == {"target_test": pytest.approx(100 * right.mean())}


def test_without_a_layer_the_features_are_compared(fake_data):
    text = recipe_text.SUBSPACE.replace('"subspace_alignment"', '"none"')
    text = text.replace("dimensions = 2\n", "")
    run = _run(text, fake_data)
    assert run.layer is None and run.model is None
    distances = ((run.test[:, None] - run.source[None]) ** 2).sum(axis=2)
    found = run.domains.source[1][distances.argmin(axis=1)]
    right = found == run.domains.target_test[1]
    assert run.figures()["target_test"] == pytest.approx(100 * right.mean())


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_the_c_of_an_svm_is_chosen_on_the_source(fake_data, kernel):
    text = recipe_text.SUBSPACE + f'classifier = "{kernel}_svm"\n'
    run = _run(text, fake_data)
    chosen = run.classifier.best_estimator_
    assert isinstance(chosen, SVC) and chosen.kernel == kernel
    assert run.classifier.n_splits_ == 2
    assert 0 <= run.figures()["target_test"] <= 100


@pytest.mark.parametrize("name", ["office_caltech_coral", "office_caltech_gfk"])
@pytest.mark.slow
def test_shipped_recipes_give_their_figures(name):
    file = recipe_text.SHARED / "office_caltech_surf_amazon.npz"
    if not file.exists():
        pytest.skip(f"there is no {file.name} in ../shared/data")
    path = recipe_text.SHIPPED / f"{name}.toml"
    run = _run(path.read_text("utf-8").replace(name, "digits"), file.parent)
    recorded = read_recipe(path).figures.mean["target_test"]
    assert run.figures()["target_test"] == pytest.approx(recorded, abs=0.2)
