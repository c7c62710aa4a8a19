import numpy as np
import pytest
import scipy.sparse

from keras_transfer.subspace.domain_rows import domain_rows


def test_rows_become_float64(generator):
    source = generator.normal(size=(4, 3)).astype("float32")
    found = domain_rows(source, source[:2].tolist())
    assert [rows.dtype for rows in found] == ["float64"] * 2
    np.testing.assert_array_equal(found[0], source)


@pytest.mark.parametrize(
    "make", [scipy.sparse.csr_array, scipy.sparse.csc_matrix]
)
def test_sparse_rows_are_kept_or_made_dense(make):
    dense = np.array([[0, 1.5], [2, 0], [0, 0]])
    source, target = domain_rows(make(dense), dense)
    np.testing.assert_array_equal(source, target)
    kept, _ = domain_rows(make(dense), dense, keeps_sparse=True)
    assert scipy.sparse.issparse(kept) and kept.format == "csr"
    np.testing.assert_array_equal(kept.toarray(), dense)


def test_widths_must_agree():
    with pytest.raises(ValueError, match="same width. Received: 2 and 3"):
        domain_rows(np.ones((4, 2)), np.ones((4, 3)))


@pytest.mark.parametrize("shape", [(3,), (1, 2), (2, 3, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="`target`.*shape .rows, width."):
        domain_rows(np.ones((3, 2)), np.ones(shape))


def test_one_sparse_row_is_refused():
    row = scipy.sparse.csr_array(np.ones((1, 2)))
    with pytest.raises(ValueError, match="`source`.*2 rows or more"):
        domain_rows(row, row, keeps_sparse=True)


def test_bad_values_are_refused():
    bad = np.array([[1.0, 0.0], [0.0, np.nan]])
    with pytest.raises(ValueError, match="`source` has a NaN .* in row 1"):
        domain_rows(bad, bad)
    with pytest.raises(ValueError, match="`source` has NaN or infinite"):
        domain_rows(scipy.sparse.csr_array(bad), bad, keeps_sparse=True)
