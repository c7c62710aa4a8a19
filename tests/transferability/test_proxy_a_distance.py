import json

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from keras_transfer.transferability.proxy_a_distance import proxy_a_distance


def _domains(generator, shift, rows=150, width=3):
    source = generator.normal(size=(rows, width))
    return source, generator.normal(size=(rows, width)) + shift


def test_it_is_two_less_four_times_the_error(generator):
    result = proxy_a_distance(*_domains(generator, 0.7))
    assert 0.05 < result.error < 0.45
    assert result.distance == pytest.approx(2 * (1 - 2 * result.error))
    assert result.interval[0] < result.distance < result.interval[1]
    high, low = (2 * (1 - 2 * error) for error in result.error_interval)
    assert result.interval == pytest.approx((low, high))


def test_far_domains_have_distance_two(generator):
    result = proxy_a_distance(*_domains(generator, 20.0))
    assert (result.distance, result.error) == (2.0, 0.0)
    assert 1.9 < result.interval[0] < result.interval[1] == 2.0


def test_equal_domains_have_none(generator):
    source, target = _domains(generator, 0.0, rows=400)
    result = proxy_a_distance(source, target)
    assert result.distance < 0.25
    assert result.interval[0] < 0.1
    # The very same rows: each has a twin of the other domain.
    result = proxy_a_distance(source, source)
    assert result.distance == 0.0
    assert result.error >= 0.5


def test_it_grows_with_the_shift():
    found = [
        proxy_a_distance(*_domains(np.random.default_rng(1), shift)).distance
        for shift in (0.0, 0.5, 1.0, 3.0)
    ]
    assert found == sorted(found)
    assert found[0] < 0.3 < found[1]


def test_the_domains_are_balanced(generator):
    """Else the larger domain alone would give a small error."""
    source = generator.normal(size=(500, 3))
    result = proxy_a_distance(source, generator.normal(size=(60, 3)))
    assert result.rows == 60
    assert result.error > 0.3


def test_the_interval_covers_and_shrinks():
    """Of many draws 95 % hold the truth, which is known for one shift."""
    from scipy.stats import norm

    truth = 2 * (1 - 2 * norm.cdf(-0.5))
    covered, widths = 0, {}
    for rows in (50, 200):
        for seed in range(25):
            generator = np.random.default_rng(seed)
            source = generator.normal(size=(rows, 1))
            target = generator.normal(size=(rows, 1)) + 1.0
            low, high = proxy_a_distance(source, target).interval
            widths.setdefault(rows, []).append(high - low)
            covered += low <= truth <= high
    assert covered >= 43  # of 50; 47.5 are expected
    assert np.mean(widths[200]) < 0.6 * np.mean(widths[50])


def test_a_classifier_that_sees_more_finds_more(generator):
    source = generator.normal(size=(200, 2))
    target = generator.normal(size=(200, 2))
    target *= 3 / np.linalg.norm(target, axis=1, keepdims=True)
    linear = proxy_a_distance(source, target)
    other = proxy_a_distance(source, target, classifier=KNeighborsClassifier(5))
    assert linear.distance < 0.5 < 1.2 < other.distance


def test_rows_are_drawn_by_the_seed(generator):
    source, target = _domains(generator, 0.5)
    first = proxy_a_distance(source, target, max_rows=50, seed=3)
    assert first == proxy_a_distance(source, target, max_rows=50, seed=3)
    assert first.rows == 50
    others = [
        proxy_a_distance(source, target, max_rows=50, seed=seed).error
        for seed in range(4)
    ]
    assert len(set(others)) > 1


def test_the_result_is_readable_and_json(generator):
    result = proxy_a_distance(*_domains(generator, 20.0))
    assert str(result).startswith("proxy A-distance 2.000 (95 % interval 1.9")
    assert json.loads(json.dumps(result.to_dict()))["rows"] == 150


def test_wrong_arguments_are_refused(generator):
    source, target = _domains(generator, 0.5)
    with pytest.raises(ValueError, match="`folds`"):
        proxy_a_distance(source, target, folds=1)
    with pytest.raises(ValueError, match="same width"):
        proxy_a_distance(source, target[:, :2])
    with pytest.raises(ValueError, match="`target_features` has a NaN"):
        proxy_a_distance(source, target * np.nan)
