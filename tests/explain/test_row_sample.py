import numpy as np
import pytest

from keras_transfer.explain.row_sample import RowSample


def _drawn(size, batches, seed=0):
    generator = np.random.default_rng(seed)
    sample, first = RowSample(size), 0
    for values in batches:
        sample.add(generator.random(len(values)), first, values)
        first += len(values)
    return sample


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_it_is_what_sorting_all_priorities_gives(batch):
    values = np.arange(50) * 10
    sample = _drawn(8, np.split(values, range(batch, 50, batch)))
    priorities = np.random.default_rng(0).random(50)
    expected = np.sort(np.argsort(priorities)[:8])
    np.testing.assert_array_equal(sample.rows, expected)
    np.testing.assert_array_equal(sample.values, expected * 10)


def test_fewer_rows_than_asked_for_are_all_kept():
    sample = _drawn(8, [np.ones((3, 2))])
    np.testing.assert_array_equal(sample.rows, [0, 1, 2])
    assert sample.values.shape == (3, 2)


def test_a_smaller_sample_is_part_of_a_larger_one():
    batches = np.split(np.arange(60), 6)
    small, large = (_drawn(size, batches).rows for size in (5, 20))
    assert set(small) <= set(large)


def test_every_row_is_as_likely():
    counts = np.zeros(10)
    for seed in range(2000):
        counts[_drawn(3, [np.arange(6), np.arange(4)], seed).rows] += 1
    # 600 each; the standard deviation is 20.
    assert abs(counts - 600).max() < 100


def test_nothing_was_given():
    sample = RowSample(3)
    assert sample.values is None
    assert len(sample.rows) == 0
