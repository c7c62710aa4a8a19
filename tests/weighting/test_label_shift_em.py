import numpy as np
import pytest

from keras_transfer import weighting
from tests.weighting import problems


def _likelihood(shares, source_shares, target):
    return np.log(target / source_shares @ shares).mean()


def _twin(source_shares, target, rounds=2000):
    """The paper's equation 2.9, with loops."""
    now = list(source_shares)
    for _ in range(rounds):
        sums = [0.0] * len(now)
        for row in target:
            found = [
                now[k] / source_shares[k] * row[k] for k in range(len(now))
            ]
            for k, value in enumerate(found):
                sums[k] += value / sum(found)
        now = [value / len(target) for value in sums]
    return now


def test_shares_are_the_papers():
    labels, _, target, _ = problems.label_shift(rows=60)
    shares = np.bincount(labels) / 60
    found = weighting.label_shift_em(labels, target, tolerance=1e-12)
    np.testing.assert_allclose(
        found.target_shares, _twin(shares, target, 300), atol=1e-5
    )


@pytest.mark.parametrize("seed", range(3))
def test_shares_are_found(seed):
    _, _, target, truth = problems.label_shift(seed)
    shift = weighting.label_shift_em(np.full(3, 1 / 3), target)
    wanted = np.bincount(truth) / len(truth)
    np.testing.assert_allclose(shift.target_shares, wanted, atol=0.04)


def test_no_other_shares_are_likelier(generator):
    _, _, target, _ = problems.label_shift(rows=500)
    source = np.full(3, 1 / 3)
    found = weighting.label_shift_em(source, target).target_shares
    best = _likelihood(found, source, target)
    for other in generator.dirichlet(np.ones(3), 200):
        assert _likelihood(other, source, target) <= best + 1e-9


def test_labels_or_shares_of_the_source():
    labels, _, target, _ = problems.label_shift(rows=200)
    shares = np.bincount(labels) / 200
    one = weighting.label_shift_em(labels, target)
    other = weighting.label_shift_em(shares, target)
    np.testing.assert_allclose(one.class_weights, other.class_weights)


def test_a_class_without_source_rows_has_no_weight():
    target = np.array([[0.5, 0.4, 0.1], [0.2, 0.8, 0.0], [0.0, 0.0, 1.0]])
    shift = weighting.label_shift_em([0, 1], target)
    assert shift.class_weights[2] == 0
    assert shift.target_shares.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="zero for all classes"):
        weighting.label_shift_em([0, 1], target[2:])


@pytest.mark.parametrize(
    "labels", [[0.5, 0.6], [0.5, 0.25, 0.25], [np.nan, 1.0], [0, 2]], ids=str
)
def test_shares_that_are_none_are_refused(labels):
    with pytest.raises(ValueError, match="`source_labels`"):
        weighting.label_shift_em(labels, [[0.5, 0.5]])


def test_wrong_settings_are_refused():
    p = [[0.5, 0.5]]
    with pytest.raises(ValueError, match="`tolerance`"):
        weighting.label_shift_em([0, 1], p, tolerance=0.0)
    with pytest.raises(ValueError, match="`max_rounds`"):
        weighting.label_shift_em([0, 1], p, max_rounds=0)
