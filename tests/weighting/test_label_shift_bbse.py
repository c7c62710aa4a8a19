import numpy as np
import pytest

from keras_transfer import weighting
from tests.weighting import problems


def _twin(labels, source, target):
    """Algorithm 1 of the paper, with counts."""
    confusion = np.zeros((3, 3))
    for label, said in zip(labels, source.argmax(axis=1), strict=True):
        confusion[said, label] += 1 / len(labels)
    counts = np.bincount(target.argmax(axis=1), minlength=3) / len(target)
    return np.linalg.inv(confusion) @ counts


def test_hard_weights_are_the_papers():
    labels, source, target, _ = problems.label_shift(rows=600)
    found = weighting.label_shift_bbse(labels, source, target, hard=True)
    expected = _twin(labels, source, target)
    assert expected.min() > 0
    # Shares that sum to one: the paper's do so for exact counts.
    np.testing.assert_allclose(found.class_weights, expected, rtol=1e-6)


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
@pytest.mark.parametrize("seed", range(3))
def test_shares_are_found(hard, seed):
    labels, source, target, truth = problems.label_shift(seed)
    shift = weighting.label_shift_bbse(labels, source, target, hard=hard)
    wanted = np.bincount(truth) / len(truth)
    np.testing.assert_allclose(shift.target_shares, wanted, atol=0.07)
    assert shift.target_shares.sum() == pytest.approx(1.0)


def test_no_shift_leaves_the_weights_at_one():
    labels, source, _, _ = problems.label_shift()
    shift = weighting.label_shift_bbse(labels, source, source)
    np.testing.assert_allclose(shift.class_weights, 1.0, atol=1e-9)


def test_the_classifier_need_not_be_calibrated():
    labels, source, target, truth = problems.label_shift(rows=4000)
    sure = [p**4 / (p**4).sum(axis=1, keepdims=True) for p in (source, target)]
    shift = weighting.label_shift_bbse(labels, *sure)
    wanted = np.bincount(truth) / len(truth)
    np.testing.assert_allclose(shift.target_shares, wanted, atol=0.05)


def test_shares_are_not_negative():
    labels, source, target, truth = problems.label_shift(
        rows=300, wanted=(0.0, 0.0, 1.0)
    )
    shift = weighting.label_shift_bbse(labels, source, target)
    assert shift.target_shares.min() >= 0
    assert shift.target_shares[2] > 0.85


def test_a_class_without_source_rows_has_no_weight():
    p = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 10)
    shift = weighting.label_shift_bbse(np.tile([0, 1], 10), p, p[1:])
    assert shift.class_weights[2] == 0
    assert shift.target_shares.sum() == pytest.approx(1.0)


def test_predictions_that_tell_nothing_are_refused():
    p = np.full((10, 2), 0.5)
    with pytest.raises(ValueError, match="do not tell the classes apart"):
        weighting.label_shift_bbse(np.tile([0, 1], 5), p, p)


def test_arrays_that_disagree_are_refused():
    p = np.full((10, 2), 0.5)
    with pytest.raises(ValueError, match="`source_labels` has 9 rows"):
        weighting.label_shift_bbse(np.arange(9) % 2, p, p)
    with pytest.raises(ValueError, match="Received: 2 and 4 columns"):
        weighting.label_shift_bbse(np.arange(10) % 2, p, np.full((3, 4), 0.25))
