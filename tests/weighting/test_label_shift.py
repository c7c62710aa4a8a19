import json

import numpy as np
import pytest

from keras_transfer import weighting
from keras_transfer.weighting import label_shift


def _shift():
    return label_shift.shift_to(
        np.array([0.2, 0.8, 0]), np.array([0.6, 0.4, 0])
    )


def test_weights_are_ratios_of_shares():
    np.testing.assert_allclose(_shift().class_weights, [3.0, 0.5, 0.0])


def test_sample_weights_have_the_mean_one():
    labels = np.array([0, 1, 1, 1])
    found = _shift().sample_weights(labels)
    assert found.dtype == "float32"
    assert found.mean() == pytest.approx(1.0)
    assert found[0] / found[1] == pytest.approx(6.0)


def test_weighted_shares_are_the_targets(generator):
    labels = generator.choice(3, 500, p=[0.5, 0.3, 0.2])
    shares = np.bincount(labels) / 500
    wanted = np.array([0.1, 0.2, 0.7])
    weights = label_shift.shift_to(shares, wanted).sample_weights(labels)
    found = np.bincount(labels, weights) / 500
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_adjusted_probabilities_are_bayes_rule():
    """Of two Gaussians, whose posterior is known for any shares."""
    x = np.linspace(-3, 3, 9)

    def posterior(share):
        odds = share / (1 - share) * np.exp(2 * x)
        return np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)

    shift = label_shift.shift_to(np.array([0.7, 0.3]), np.array([0.1, 0.9]))
    found = shift.adjusted(posterior(0.3))
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, posterior(0.9), atol=1e-6)


def test_rows_for_absent_classes_stay_as_they_are():
    found = _shift().adjusted([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(found[0], [0, 0, 1])
    np.testing.assert_allclose(found[1], [6 / 7, 1 / 7, 0])


def test_it_is_json():
    record = json.loads(json.dumps(_shift().to_dict()))
    assert record["target_shares"] == [0.6, 0.4, 0.0]


@pytest.mark.parametrize("bad", [[3], [-1], ["a"], []], ids=str)
def test_labels_that_are_no_classes_are_refused(bad):
    with pytest.raises(ValueError, match="`labels`"):
        _shift().sample_weights(bad)


@pytest.mark.parametrize(
    "bad",
    [[0.5, 0.5], [[0.3]], [[1.0, 1.0]], [[-1.0, 2.0]], [[np.nan, 1.0]]],
    ids=str,
)
def test_rows_that_are_no_probabilities_are_refused(bad):
    with pytest.raises(ValueError, match="`p`"):
        label_shift.probability_rows(bad, "p")


def test_probabilities_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="one column for each of 3 classes"):
        _shift().adjusted([[0.5, 0.5]])


def test_a_shift_can_be_made_by_hand():
    ones = np.ones(2)
    shift = weighting.LabelShift(ones, ones / 2, ones / 2)
    np.testing.assert_array_equal(shift.sample_weights([0, 1]), [1, 1])
