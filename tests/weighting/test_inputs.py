import keras
import numpy as np
import pytest
from scipy.sparse import csr_array

from keras_transfer.weighting import inputs


def test_rows_are_float64_matrices():
    source, target = inputs.domain_rows(
        np.zeros((3, 2, 2), "float32"), keras.ops.ones((2, 4))
    )
    assert source.shape == (3, 4) and target.shape == (2, 4)
    assert source.dtype == target.dtype == "float64"


def test_a_model_is_asked_in_batches():
    sizes = []

    def encoder(batch):
        sizes.append(len(batch))
        return np.zeros((len(batch), 2, 3))

    rows = inputs.domain_rows(np.zeros((5, 1)), np.zeros((4, 1)), encoder, 3)
    assert [x.shape for x in rows] == [(5, 6), (4, 6)]
    assert sizes == [3, 2, 3, 1]


def test_sparse_matrices_stay_sparse():
    dense = np.eye(4)
    for pair in ((csr_array(dense), dense), (dense, csr_array(dense).tocsc())):
        found = inputs.domain_rows(*pair, sparse=True)
        assert all(rows.format == "csr" for rows in found)
        assert all((rows.toarray() == dense).all() for rows in found)
    with pytest.raises(ValueError, match="`target`.*with 2 rows or more"):
        inputs.domain_rows(dense, csr_array(dense[:1]), sparse=True)


def test_weights_have_the_mean_one(generator):
    values = generator.exponential(size=100_000) ** 4
    found = inputs.unit_mean(values)
    assert found.dtype == "float32"
    assert found.mean(dtype="float64") == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(inputs.unit_mean(np.zeros(3)), np.ones(3))


@pytest.mark.parametrize(
    "bad",
    [[], [[1.0]], [-1.0, 2.0], [np.nan, 1.0], [0.0, 0.0], ["a"], [np.inf]],
    ids=str,
)
def test_weights_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="`weights`"):
        inputs.checked_weights(bad)
