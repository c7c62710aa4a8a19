import numpy as np
import pytest

from keras_transfer.weighting import ratio_settings


def test_centers_are_rows_of_the_target_without_repeats(generator):
    target = np.repeat(generator.normal(size=(30, 2)), 3, axis=0)
    found = ratio_settings.centers_of(target, 20, seed=0)
    assert found.shape == (20, 2)
    assert len(np.unique(found, axis=0)) == 20
    assert all((row == target).all(axis=1).any() for row in found)
    assert len(ratio_settings.centers_of(target, 100, seed=0)) == 30


def test_widths_are_up_to_the_median_distance():
    rows = np.array([[0.0], [10.0]])
    found = ratio_settings.candidate_widths(None, rows[:1], rows[1:], 0)
    assert min(found) == 1.0 and max(found) == 10.0


def test_given_settings_are_taken():
    rows = np.zeros((2, 1))
    assert ratio_settings.candidate_widths(2, rows, rows, 0) == [2.0]
    assert ratio_settings.candidate_ridges([1, 2.5]) == [1.0, 2.5]


@pytest.mark.parametrize("bad", [[], 0.0, [1.0, -1.0], [np.nan]], ids=str)
def test_settings_that_are_not_positive_are_refused(bad):
    with pytest.raises(ValueError, match="`ridge`"):
        ratio_settings.candidate_ridges(bad)


def test_the_widest_wins_among_equals(generator):
    noise = generator.normal(size=400)
    losses = {
        0.1: noise,
        # Worse by half a standard error of the difference.
        1.0: noise + 0.025 + generator.permutation(np.tile([-1, 1], 200)),
        # Clearly worse.
        5.0: noise + 0.5 + generator.permutation(np.tile([-1, 1], 200)),
        9.0: np.full(400, np.inf),
    }
    assert ratio_settings.widest_of_the_best(losses) == 1.0


def test_a_clear_winner_wins():
    losses = {0.1: np.zeros(50), 1.0: np.ones(50)}
    assert ratio_settings.widest_of_the_best(losses) == 0.1
    bad = {0.1: np.full(5, np.inf), 1.0: np.full(5, np.inf)}
    assert ratio_settings.widest_of_the_best(bad) == 0.1
