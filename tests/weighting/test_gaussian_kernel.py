import numpy as np
import pytest

from keras_transfer.weighting import gaussian_kernel as kernels


def _twin(x, y, width):
    return np.array(
        [[np.exp(-np.sum((a - b) ** 2) / (2 * width**2)) for b in y] for a in x]
    )


def test_the_kernel_is_that_of_all_pairs(generator):
    x, y = generator.normal(size=(7, 3)), generator.normal(size=(5, 3))
    found = kernels.gaussian_kernel(x, y, 1.7)
    np.testing.assert_allclose(found, _twin(x, y, 1.7), atol=1e-13)


def test_far_from_the_origin_no_digits_are_lost(generator):
    x, y = generator.normal(size=(7, 3)), generator.normal(size=(5, 3))
    found = kernels.gaussian_kernel(x + 1e6, y + 1e6, 1.7)
    np.testing.assert_allclose(found, _twin(x, y, 1.7), atol=1e-7)


def test_equal_rows_have_the_kernel_one(generator):
    x = generator.normal(size=(7, 3)) * 1e3
    assert kernels.gaussian_kernel(x, x, 1e-3).max() <= 1.0
    np.testing.assert_allclose(
        kernels.gaussian_kernel(x, x, 1.0).diagonal(), 1.0, atol=1e-8
    )


def test_means_are_the_same_in_blocks(generator, monkeypatch):
    x, y = generator.normal(size=(9, 2)), generator.normal(size=(4, 2))
    monkeypatch.setattr(kernels, "_BLOCK", 8)
    found = kernels.kernel_means(x, y, 0.8)
    np.testing.assert_allclose(found, _twin(x, y, 0.8).mean(axis=1))


def test_the_median_is_of_different_rows():
    rows = np.array([[0.0], [1.0], [3.0]])
    assert kernels.median_distance(rows) == 2.0
    assert kernels.median_distance(np.zeros((5, 2))) == 1.0


def test_the_median_of_many_rows_is_estimated(generator):
    rows = generator.normal(size=(3000, 1))
    # The median of |N(0, 2)|.
    assert kernels.median_distance(rows) == pytest.approx(0.954, abs=0.05)


@pytest.mark.parametrize("bad", [0, -1.0, np.nan, np.inf, "wide", [1.0]])
def test_widths_that_are_none_are_refused(bad):
    rows = np.zeros((2, 1))
    with pytest.raises(ValueError, match="`width`. Expected a positive number"):
        kernels.checked_width(bad, rows, rows)


def test_the_default_width_is_of_both_domains():
    source, target = np.array([[0.0]]), np.array([[5.0]])
    assert kernels.checked_width(None, source, target) == 5.0
    assert kernels.checked_width(2, source, target) == 2.0
