import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from keras_transfer.subspace import GeodesicFlowKernel
from tests.helpers import two_domains
from tests.subspace import shared_data


def _axes(rows, dimensions):
    return np.linalg.svd(rows - rows.mean(axis=0))[2][:dimensions].T


def _twin(source, target, dimensions):
    """The integral of Phi Phi^T by quadrature, Phi as in eq. 4 and 5."""
    start, end = (_axes(rows, dimensions) for rows in (source, target))
    rest = scipy.linalg.null_space(start.T)
    first, cosines, right = np.linalg.svd(start.T @ end)
    angles = np.arccos(np.clip(cosines, -1, 1))
    second = -rest.T @ end @ right.T / np.sin(angles)

    def outer(t):
        point = start @ first * np.cos(t * angles)
        point = point - rest @ second * np.sin(t * angles)
        return point @ point.T

    return scipy.integrate.quad_vec(outer, 0.0, 1.0)[0]


def _kernel(layer):
    """The layer's G, whose factor is its matrix."""
    factor = np.asarray(layer.weights[0])
    return factor @ factor.T


def _adapted(source, target, dimensions):
    layer = GeodesicFlowKernel(dimensions, dtype="float64")
    layer.adapt(source, target)
    return layer


@pytest.mark.parametrize(
    ("rows", "width"), [(30, 7), (8, 20)], ids=["tall", "wide"]
)
def test_twin(generator, rows, width):
    source, target = two_domains(generator, rows, rows + 3, width, "float64")
    layer = _adapted(source, target, 3)
    expected = _twin(source, target, 3)
    np.testing.assert_allclose(_kernel(layer), expected, atol=1e-9)
    found = layer(source, domain="source").numpy() @ layer(target).numpy().T
    centred = [rows - rows.mean(axis=0) for rows in (source, target)]
    np.testing.assert_allclose(
        found, centred[0] @ expected @ centred[1].T, atol=1e-8
    )


def test_equal_domains_give_a_projection(generator):
    source, _ = two_domains(generator, dtype="float64")
    axes = _axes(source, 3)
    layer = _adapted(source, source, 3)
    np.testing.assert_allclose(_kernel(layer), axes @ axes.T, atol=1e-9)
    np.testing.assert_allclose(layer.weights[0][:, 1::2], 0.0, atol=1e-7)


@pytest.mark.parametrize("angle", [1e-9, 1e-5, 0.029, 0.031, 1.0, np.pi / 2])
def test_one_axis_turned_by_an_angle(angle):
    """In the plane, with the integrals done by hand."""
    steps = np.array([[-1.0], [1.0]])
    source = steps * [1.0, 0.0]
    target = steps * [np.cos(angle), np.sin(angle)]
    sine = np.sin(2 * angle) / (4 * angle)
    mixed = np.sin(angle) ** 2 / (2 * angle)
    expected = [[0.5 + sine, mixed], [mixed, 0.5 - sine]]
    found = _kernel(_adapted(source, target, 1))
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_small_angles_keep_their_digits():
    steps = np.array([[-1.0], [1.0]])
    angle = 1e-6
    target = steps * [np.cos(angle), np.sin(angle)]
    found = _kernel(_adapted(steps * [1.0, 0.0], target, 1))
    assert found[1, 1] == pytest.approx(angle**2 / 3, rel=1e-6)


def test_the_domains_may_change_places(generator):
    source, target = two_domains(generator, dtype="float64")
    np.testing.assert_allclose(
        _kernel(_adapted(source, target, 2)),
        _kernel(_adapted(target, source, 2)),
        atol=1e-10,
    )


def test_all_dimensions_give_the_identity(generator):
    """Subspaces wider than half the space share directions."""
    source, target = two_domains(generator, dtype="float64")
    kernel = _kernel(_adapted(source, target, 5))
    np.testing.assert_allclose(kernel, np.eye(5), atol=1e-7)


def test_one_kernel_is_kept_for_both_sides(generator):
    layer = _adapted(*two_domains(generator), 2)
    names = [weight.name for weight in layer.weights]
    assert names == ["kernel", "source_bias", "target_bias"]
    assert layer.compute_output_shape((None, 5)) == (None, 4)


def test_the_published_table_of_objects():
    """Long et al., 2013, table 3: 40.25 from Amazon to Caltech."""
    source, source_labels = shared_data.surf("amazon")
    target, target_labels = shared_data.surf("caltech")
    layer = GeodesicFlowKernel(20)
    layer.adapt(source, target)
    found = shared_data.nearest_neighbour_accuracy(
        layer(source, domain="source"),
        source_labels,
        layer(target),
        target_labels,
    )
    assert found == pytest.approx(40.25, abs=0.3)
