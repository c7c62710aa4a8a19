import numpy as np
import pytest

from keras_transfer import weighting


@pytest.mark.parametrize("smoothing", [0.0, 1.0, 2.5])
def test_weights_are_counts(generator, smoothing):
    source = generator.normal(size=(15, 3))
    target = generator.normal(size=(40, 3))
    found = weighting.nearest_neighbour(source, target, smoothing=smoothing)
    counts = np.full(15, smoothing)
    for row in target:
        counts[((source - row) ** 2).sum(axis=1).argmin()] += 1
    np.testing.assert_allclose(found, counts / counts.mean(), rtol=1e-6)


def test_equal_rows_share_their_cell():
    source = np.array([[0.0], [0.0], [5.0]])
    target = np.array([[0.1], [-0.1], [0.2], [4.0]])
    found = weighting.nearest_neighbour(source, target, smoothing=0)
    np.testing.assert_allclose(found, [9 / 8, 9 / 8, 6 / 8])


def test_a_single_row():
    found = weighting.nearest_neighbour([[1.0]], [[2.0], [3.0]])
    assert found.tolist() == [1.0]


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_wrong_smoothing_is_refused(bad):
    with pytest.raises(ValueError, match="`smoothing`"):
        weighting.nearest_neighbour([[1.0]], [[1.0]], smoothing=bad)
