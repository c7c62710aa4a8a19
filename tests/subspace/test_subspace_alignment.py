import numpy as np
import pytest

from keras_transfer.subspace import SubspaceAlignment
from tests.helpers import two_domains
from tests.subspace import shared_data


def _twin(source, target, dimensions):
    """Algorithm 1, with the singular value decomposition for PCA."""
    centred = [rows - rows.mean(axis=0) for rows in (source, target)]
    axes = [np.linalg.svd(rows)[2][:dimensions].T for rows in centred]
    aligned = axes[0] @ axes[0].T @ axes[1]
    return centred[0] @ aligned, centred[1] @ axes[1]


@pytest.mark.parametrize(
    ("rows", "width"), [(30, 6), (8, 20)], ids=["tall", "wide"]
)
def test_twin(generator, rows, width):
    source, target = two_domains(generator, rows, rows + 3, width, "float64")
    layer = SubspaceAlignment(4, dtype="float64")
    layer.adapt(source, target)
    expected = _twin(source, target, 4)
    found = [layer(source, domain="source"), layer(target)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.abs(one), np.abs(other), atol=1e-8)
    # Signs of the axes cancel in similarities between the domains.
    np.testing.assert_allclose(
        found[0].numpy() @ found[1].numpy().T,
        expected[0] @ expected[1].T,
        atol=1e-8,
    )


def test_equal_domains_are_mapped_alike(generator):
    source, _ = two_domains(generator, dtype="float64")
    layer = SubspaceAlignment(3, dtype="float64")
    layer.adapt(source, source)
    np.testing.assert_allclose(
        layer(source, domain="source"), layer(source), atol=1e-12
    )


def test_shifts_of_a_domain_change_nothing(generator):
    source, target = two_domains(generator, dtype="float64")
    layer, shifted = (SubspaceAlignment(3, dtype="float64") for _ in "12")
    layer.adapt(source, target)
    shifted.adapt(source + 9.0, target - 5.0)
    np.testing.assert_allclose(
        layer(source, domain="source"),
        shifted(source + 9.0, domain="source"),
        atol=1e-9,
    )
    np.testing.assert_allclose(layer(target), shifted(target - 5.0), atol=1e-9)


def test_more_dimensions_than_rows_are_refused(generator):
    source, target = two_domains(generator, rows=12, target_rows=4, width=8)
    with pytest.raises(ValueError, match="at most 3, .* target varies"):
        SubspaceAlignment(4).adapt(source, target)


def test_real_objects_are_recognized_better():
    """Fernando et al. report 35.3 with 20 rows a class; here are all."""
    source, source_labels = shared_data.surf("amazon")
    target, target_labels = shared_data.surf("caltech")
    layer = SubspaceAlignment(80)
    layer.adapt(source, target)
    plain = shared_data.nearest_neighbour_accuracy(
        source, source_labels, target, target_labels
    )
    aligned = shared_data.nearest_neighbour_accuracy(
        layer(source, domain="source"),
        source_labels,
        layer(target),
        target_labels,
    )
    assert plain == pytest.approx(26.00, abs=0.005)
    assert aligned > 38.0
