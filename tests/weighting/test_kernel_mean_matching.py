import sys

import numpy as np
import pytest

from keras_transfer import weighting
from keras_transfer.weighting.gaussian_kernel import gaussian_kernel
from keras_transfer.weighting.kernel_mean_matching import matched
from tests.weighting import problems

SETTINGS = {
    "width": 1.0,
    "bound": 1000.0,
    "slack": None,
    "ridge": 0.03,
    "num_features": None,
    "seed": 0,
}


def _objective(weights, source, target, width, ridge=0.0):
    """The paper's, written out."""
    n, m = len(source), len(target)
    kernel = gaussian_kernel(source, source, width) + ridge * np.eye(n)
    linear = n / m * gaussian_kernel(source, target, width).sum(axis=1)
    # ||b - 1||^2 without its constant.
    return 0.5 * weights @ kernel @ weights - (linear + ridge) @ weights


def test_no_weights_are_better(generator):
    """Neither the truth, nor steps from the solution that are allowed."""
    source, target, ratio = problems.gaussian_shift(rows=200)
    found = matched(source, target, **SETTINGS)
    best = _objective(found, source, target, 1.0, ridge=0.03)
    assert best < _objective(ratio, source, target, 1.0, ridge=0.03)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(20):
            moved = np.maximum(found + size * generator.normal(size=200), 0)
            moved *= found.mean() / moved.mean()
            assert best < _objective(moved, source, target, 1.0, ridge=0.03)


@pytest.mark.parametrize("columns, most", [(1, 1e-4), (5, 2e-4)])
def test_the_ridge_costs_little_of_the_papers_objective(columns, most):
    source, target, _ = problems.gaussian_shift(rows=600, columns=columns)
    width = np.sqrt(columns)
    values = [
        _objective(
            matched(
                source, target, **{**SETTINGS, "ridge": ridge, "width": width}
            ),
            source,
            target,
            width,
        )
        for ridge in (0.0, 0.03)
    ]
    assert values[0] < values[1] < values[0] + most * abs(values[0])


def test_the_ridge_makes_weights_even():
    source, target, ratio = problems.gaussian_shift()
    wild, even = (
        weighting.kernel_mean_matching(source, target, ridge=ridge)
        for ridge in (0.0, 0.03)
    )
    assert problems.correlation(even, ratio) > 0.98
    assert weighting.effective_sample_size(even) > (
        weighting.effective_sample_size(wild)
    )


@pytest.mark.parametrize("slack", [None, 0.01])
def test_bounds_hold(slack):
    source, target, _ = problems.gaussian_shift(rows=150)
    settings = {**SETTINGS, "bound": 2.0, "slack": slack}
    found = matched(source, target, **settings)
    assert found.min() >= 0 and found.max() <= 2.0
    assert abs(found.mean() - 1) <= (slack or 1.0) + 1e-7
    # The bound is felt: without it the largest is above.
    free = matched(source, target, **{**settings, "bound": 1000.0})
    assert free.max() > 2.5


def test_the_weighted_mean_is_the_targets_in_kernel_space():
    source, target, _ = problems.gaussian_shift()
    weights = weighting.kernel_mean_matching(source, target, width=1.0)
    at = np.linspace(-2, 3, 11)[:, None]
    kernel = gaussian_kernel(at, source, 1.0)
    wanted = gaussian_kernel(at, target, 1.0).mean(axis=1)
    before = np.abs(kernel.mean(axis=1) - wanted).max()
    after = np.abs(kernel @ weights / len(source) - wanted).max()
    assert after < 0.02 * before


@pytest.mark.parametrize(("rows", "tolerance"), [(200, 1e-3), (600, 1e-3)])
def test_equal_domains_have_equal_weights(generator, rows, tolerance):
    source = generator.normal(size=(rows, 2))
    weights = weighting.kernel_mean_matching(source, source)
    np.testing.assert_allclose(weights, 1.0, atol=tolerance)


def test_a_factor_of_the_kernel_changes_weights_little(monkeypatch):
    source, target, _ = problems.gaussian_shift(rows=800)
    by_factor = weighting.kernel_mean_matching(source, target)
    module = sys.modules["keras_transfer.weighting.kernel_mean_matching"]
    monkeypatch.setattr(module, "_FEW", 10_000)
    whole = weighting.kernel_mean_matching(source, target)
    assert not np.array_equal(by_factor, whole)
    assert np.sqrt(np.mean((by_factor - whole) ** 2)) < 0.02


@pytest.mark.parametrize("rows", [(300, 900), (900, 300)])
def test_numbers_of_rows_that_differ(rows):
    source, _, ratio = problems.gaussian_shift(0, rows[0])
    _, target, _ = problems.gaussian_shift(1, rows[1])
    weights = weighting.kernel_mean_matching(source, target)
    assert problems.correlation(weights, ratio) > 0.9


def test_blocks_are_about_the_whole():
    source, target, ratio = problems.gaussian_shift(rows=2000)
    whole = weighting.kernel_mean_matching(source, target)
    blocks = weighting.kernel_mean_matching(source, target, block_size=500)
    problems.assert_are_weights(blocks, 2000)
    assert problems.correlation(blocks, whole) > 0.9
    assert problems.correlation(blocks, ratio) > 0.9
    again = weighting.kernel_mean_matching(source, target, block_size=2000)
    np.testing.assert_array_equal(again, whole)


def test_fewer_target_rows_than_blocks():
    source, target, ratio = problems.gaussian_shift()
    weights = weighting.kernel_mean_matching(
        source, target[:150], block_size=200
    )
    problems.assert_are_weights(weights, 1000)
    assert problems.correlation(weights, ratio) > 0.8


def test_random_features_are_about_the_kernel():
    source, target, ratio = problems.gaussian_shift(columns=2)
    whole = weighting.kernel_mean_matching(source, target)
    found = weighting.kernel_mean_matching(source, target, num_features=400)
    assert problems.correlation(found, whole) > 0.9
    assert problems.correlation(found, ratio) > 0.85


def test_a_scale_of_rows_and_width_does_not_matter(generator):
    source = generator.normal(size=(100, 2))
    found = weighting.kernel_mean_matching(source, source[:30] + 1)
    scaled = weighting.kernel_mean_matching(50 * source, 50 * source[:30] + 50)
    np.testing.assert_allclose(scaled, found, atol=1e-3)


@pytest.mark.parametrize(
    "name, value",
    [
        ("bound", 1.0),
        ("bound", np.nan),
        ("slack", -0.1),
        ("ridge", -1.0),
        ("width", 0.0),
        ("block_size", 1),
        ("num_features", 7),
        ("num_features", 0),
    ],
)
def test_wrong_settings_are_refused(name, value):
    rows = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match=f"`{name}`"):
        weighting.kernel_mean_matching(rows, rows, **{name: value})


@pytest.mark.slow
def test_a_hundred_thousand_rows_in_blocks():
    source, target, ratio = problems.gaussian_shift(rows=100_000, columns=2)
    weights = weighting.kernel_mean_matching(source, target, block_size=2000)
    assert problems.correlation(weights, ratio) > 0.9
