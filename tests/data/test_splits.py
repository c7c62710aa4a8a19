"""Parts of a list of rows, and the weights of their classes."""

import numpy as np
import pytest

from keras_transfer.data import splits


def test_each_group_loses_its_share():
    groups = np.repeat([0, 1, 2, 3], [10, 4, 2, 1])
    is_out = splits.held_out(groups, 0.3, seed=0)
    counts = np.bincount(groups[is_out], minlength=4)
    # floor(3.5), floor(1.7), at least one, and none of a single row.
    assert counts.tolist() == [3, 1, 1, 0]


def test_at_least_one_row_of_each_group_stays():
    groups = np.repeat([0, 1], [3, 2])
    kept = groups[~splits.held_out(groups, 0.99, seed=0)]
    assert kept.tolist() == [0, 1]


def test_a_group_does_not_depend_on_the_others():
    groups = np.repeat([0, 1], 20)
    alone = splits.held_out(groups[20:], 0.5, seed=3)
    both = splits.held_out(groups, 0.5, seed=3)
    np.testing.assert_array_equal(both[20:], alone)
    assert (splits.held_out(groups, 0.5, seed=4) != both).any()


def test_no_split_holds_nothing_out():
    assert not splits.held_out(np.zeros(5, int), 0, seed=0).any()


def test_weights_are_those_of_scikit_learn():
    from sklearn.utils import class_weight

    labels = np.repeat([0, 1, 2], [5, 1, 3])
    expected = class_weight.compute_class_weight(
        "balanced", classes=np.arange(3), y=labels
    )
    found = splits.balanced_weights(labels, 3)
    assert found == pytest.approx(dict(enumerate(expected)))


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        splits.check_split(share, 0)


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match="a non-negative integer"):
        splits.check_split(0.1, seed)


@pytest.mark.parametrize(
    ("part", "batch_size", "seed", "message"),
    [
        ("test", 2, 0, "one of 'train', 'validation'"),
        ("train", 0, 0, "a positive integer"),
        ("train", 2, -1, "a non-negative integer"),
        ("validation", 2, 0, "Give maker a larger validation_split"),
    ],
    ids=["part", "batch_size", "seed", "empty"],
)
def test_batches_that_cannot_be_are_refused(part, batch_size, seed, message):
    counts = {"train": 3, "validation": 0}
    splits.check_batches("train", counts, 2, None, "maker")
    with pytest.raises(ValueError, match=message):
        splits.check_batches(part, counts, batch_size, seed, "maker")
