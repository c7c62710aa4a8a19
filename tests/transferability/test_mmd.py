import numpy as np
import pytest

from keras_transfer import losses
from keras_transfer.transferability import mmd
from keras_transfer.transferability.mmd import mmd_test
from tests import helpers


@pytest.mark.parametrize("sizes", [(20, 20), (15, 25)])
def test_the_statistic_is_the_loss_of_the_package(generator, sizes):
    source, target = helpers.two_domains(generator, *sizes, dtype="float64")
    expected = losses.maximum_mean_discrepancy(
        source, target, estimator="unbiased"
    )
    found = mmd_test(source, target, 1).statistic
    assert found == pytest.approx(float(expected), abs=1e-12)


def test_each_permutation_is_the_statistic_of_its_division(generator):
    rows = generator.normal(size=(18, 3))
    kernel = mmd._kernel(rows)
    divisions = generator.permuted(
        np.tile(np.repeat([1.0, 0.0], [8, 10]), (5, 1)), axis=1
    )
    found = mmd._discrepancies(kernel, divisions.T)
    for division, value in zip(divisions.astype(bool), found, strict=True):
        expected = (
            kernel[np.ix_(division, division)].sum() / (8 * 7)
            + kernel[np.ix_(~division, ~division)].sum() / (10 * 9)
            - 2 * kernel[np.ix_(division, ~division)].mean()
        )
        assert value == pytest.approx(expected, abs=1e-12)


def test_p_is_the_share_of_permutations_that_reach_the_observed(generator):
    source, target = helpers.two_domains(generator, 12, 14, dtype="float64")
    target = source[:12] * 1.1 + 0.1
    result = mmd_test(source, target, 99, seed=5)
    # Again, division after division.
    kernel = mmd._kernel(np.concatenate([source, target]))
    again = np.random.default_rng(5)
    drawn = mmd._permuted(kernel, np.repeat([1.0, 0.0], 12), 99, again)
    expected = (1 + (drawn >= result.statistic - 1e-12).sum()) / 100
    assert result.p_value == expected
    assert result.threshold == np.quantile(drawn, 0.95)


def test_a_difference_is_found(generator):
    source, target = helpers.two_domains(generator, 40)
    result = mmd_test(source, target, 200)
    assert result.p_value == pytest.approx(1 / 201)
    assert result.statistic > result.threshold > 0


def test_few_permutations_at_a_time_are_the_same(generator, monkeypatch):
    source, target = helpers.two_domains(generator, 10)
    kernel = mmd._kernel(np.concatenate([source, target]).astype("float64"))
    is_source = np.repeat([1.0, 0.0], 10)
    found = mmd._permuted(kernel, is_source, 7, np.random.default_rng(0))
    assert found.shape == (7,)
    assert len(set(found.round(12))) > 1


def test_the_level_is_kept():
    """Equal distributions: p below 0.1 in about one of ten cases."""
    hits = 0
    for seed in range(100):
        rows = np.random.default_rng(seed).normal(size=(30, 2))
        hits += mmd_test(rows[:12], rows[12:], 99, seed).p_value <= 0.1
    assert 2 <= hits <= 20  # 10 expected, standard deviation 3


def test_equal_rows_have_no_difference():
    result = mmd_test(np.ones((5, 2)), np.ones((4, 2)), 20)
    assert result.statistic == pytest.approx(0.0, abs=1e-12)
    assert result.p_value == 1.0


def test_rotation_scale_and_shift_do_not_matter(generator):
    source, target = helpers.two_domains(generator, 15, dtype="float64")
    turn = np.linalg.qr(generator.normal(size=(5, 5)))[0]
    value = mmd_test(source, target, 1).statistic
    turned = mmd_test(9 * source @ turn + 4, 9 * target @ turn + 4, 1)
    assert turned.statistic == pytest.approx(value, abs=1e-9)


def test_rows_are_drawn_by_the_seed(generator):
    source, target = helpers.two_domains(generator, 60)
    first = mmd_test(source, target, 20, seed=1, max_rows=20)
    assert first.rows == (20, 20)
    assert first == mmd_test(source, target, 20, seed=1, max_rows=20)
    other = mmd_test(source, target, 20, seed=2, max_rows=20)
    assert first.statistic != other.statistic


def test_wrong_arguments_are_refused(generator):
    source, target = helpers.two_domains(generator)
    with pytest.raises(ValueError, match="`num_permutations`.*positive"):
        mmd_test(source, target, 0)
    with pytest.raises(ValueError, match="same width"):
        mmd_test(source, target[:, :2])
    with pytest.raises(ValueError, match="`source`.*2 rows or more"):
        mmd_test(source[:1], target)
