import json

import numpy as np
import pytest
from scipy import linalg
from sklearn.decomposition import PCA

from keras_transfer.subspace.subspace_disagreement import subspace_disagreement
from tests.helpers import two_domains
from tests.subspace import shared_data


def _disagreement(source, target, size):
    """The formula, with scikit-learn's axes and SciPy's angles."""
    axes = [
        PCA(size, svd_solver="full").fit(rows).components_.T
        for rows in (source, target, np.concatenate([source, target]))
    ]
    sines = [
        np.sin(linalg.subspace_angles(one, axes[2]).max()) for one in axes[:2]
    ]
    return sum(sines) / 2


def test_it_is_the_formula(generator):
    source, target = two_domains(generator, 40, 30, 8, "float64")
    source *= np.arange(8, 0, -1)
    result = subspace_disagreement(
        source, target, max_dimensions=8, tolerance=0
    )
    for size, value in enumerate(result.disagreement, start=1):
        expected = _disagreement(source, target, size)
        assert value == pytest.approx(expected, abs=1e-6)
    assert result.dimensions == len(result.disagreement)


def test_it_stops_where_the_domains_part():
    """Two axes in common, then one of its own for each domain."""
    generator = np.random.default_rng(0)
    source = generator.normal(size=(2000, 4)) * [9.0, 6.0, 2.0, 0.0]
    target = generator.normal(size=(2000, 4)) * [9.0, 6.0, 0.0, 2.1]
    result = subspace_disagreement(source, target, max_dimensions=4)
    assert result.disagreement[0] < 0.1
    assert result.disagreement[1] < 0.1
    # The joint axis is the target's, and orthogonal to the source's.
    assert result.disagreement[2] > 0.4


def test_orthogonal_domains_have_one_dimension():
    rows = np.random.default_rng(0).normal(size=(500, 2))
    source = np.column_stack([rows * [3, 1], 0 * rows])
    target = np.column_stack([0 * rows, rows * [5, 1]])
    result = subspace_disagreement(source, target)
    assert result.disagreement[0] == pytest.approx(0.5, abs=0.05)


def test_equal_domains_share_all_dimensions(generator):
    rows = generator.normal(size=(50, 6))
    result = subspace_disagreement(rows, rows, max_dimensions=6)
    assert result.dimensions == 6
    np.testing.assert_allclose(result.disagreement, 0.0, atol=1e-6)


def test_rotations_and_shifts_do_not_matter(generator):
    source, target = two_domains(generator, 40, 30, 6, "float64")
    rotation, _ = linalg.qr(generator.normal(size=(6, 6)))
    first = subspace_disagreement(source, target, max_dimensions=6)
    second = subspace_disagreement(
        source @ rotation, target @ rotation, max_dimensions=6
    )
    np.testing.assert_allclose(
        first.disagreement, second.disagreement, atol=1e-6
    )
    both = [rows + 100.0 for rows in (source, target)]
    third = subspace_disagreement(*both, max_dimensions=6)
    np.testing.assert_allclose(
        first.disagreement, third.disagreement, atol=1e-5
    )


def test_it_looks_at_half_of_the_width_and_at_the_rank(generator):
    source, target = two_domains(generator, 40, 30, 8, "float64")
    assert len(subspace_disagreement(source, target).disagreement) <= 4
    few = subspace_disagreement(source[:3], target, max_dimensions=8)
    assert len(few.disagreement) <= 2
    one = subspace_disagreement(source[:, :1], target[:, :1])
    assert one.dimensions == 1


def test_the_result_is_readable_and_json(generator):
    result = subspace_disagreement(*two_domains(generator))
    assert str(result).startswith(f"{result.dimensions} dimensions, ")
    assert json.loads(json.dumps(result.to_dict()))["dimensions"] >= 1


def test_wrong_arguments_are_refused(generator):
    source, target = two_domains(generator)
    with pytest.raises(ValueError, match="`max_dimensions`"):
        subspace_disagreement(source, target, max_dimensions=0)
    with pytest.raises(ValueError, match="`tolerance`"):
        subspace_disagreement(source, target, tolerance=1.0)
    with pytest.raises(ValueError, match="source does not vary"):
        subspace_disagreement(0 * source, target)
    with pytest.raises(ValueError, match="same width"):
        subspace_disagreement(source, target[:, :3])


def test_surf_features_have_a_few_dozens():
    source, _ = shared_data.surf("amazon")
    target, _ = shared_data.surf("caltech")
    assert 5 < subspace_disagreement(source, target).dimensions < 200
