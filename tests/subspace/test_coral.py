import numpy as np
import pytest
import scipy.linalg

from keras_transfer.subspace import Coral
from tests.helpers import two_domains

SHAPES = pytest.mark.parametrize(
    ("rows", "width"), [(30, 4), (6, 9), (8, 1)], ids=["tall", "wide", "one"]
)


def _domains(generator, rows, width):
    source = generator.normal(size=(rows, width)) * 2.0 + 1.0
    mix = generator.normal(size=(width, width))
    return source, generator.normal(size=(rows + 2, width)) @ mix - 4.0


def _twin(source, target, regularization):
    """Algorithm 1 as it is written."""
    width = source.shape[1]
    source_covariance = np.atleast_2d(np.cov(source.T))
    target_covariance = np.atleast_2d(np.cov(target.T))
    eye = regularization * np.eye(width)
    whitening = np.linalg.inv(scipy.linalg.sqrtm(source_covariance + eye))
    return source @ whitening @ scipy.linalg.sqrtm(target_covariance + eye)


@SHAPES
@pytest.mark.parametrize("regularization", [1.0, 0.03])
def test_twin(generator, rows, width, regularization):
    source, target = _domains(generator, rows, width)
    layer = Coral(regularization, dtype="float64")
    layer.adapt(source, target)
    np.testing.assert_allclose(
        layer(source, domain="source"),
        _twin(source, target, regularization),
        atol=1e-8,
    )
    np.testing.assert_array_equal(layer(target), target)


def test_the_source_gets_the_covariance_of_the_target(generator):
    source, target = _domains(generator, 50, 4)
    layer = Coral(1e-8, match_means=True, dtype="float64")
    layer.adapt(source, target)
    aligned = layer(source, domain="source").numpy()
    np.testing.assert_allclose(np.cov(aligned.T), np.cov(target.T), atol=1e-5)
    np.testing.assert_allclose(aligned.mean(0), target.mean(0), atol=1e-10)


def test_means_are_left_alone_by_default(generator):
    source, target = _domains(generator, 50, 4)
    layer, moved = Coral(dtype="float64"), Coral(dtype="float64")
    layer.adapt(source, target)
    moved.adapt(source, target + 100.0)
    np.testing.assert_allclose(
        layer(source, domain="source"),
        moved(source, domain="source"),
        atol=1e-9,
    )


def test_equal_domains_stay_as_they_are(generator):
    source, _ = two_domains(generator, dtype="float64")
    layer = Coral(dtype="float64")
    layer.adapt(source, source[::-1])
    np.testing.assert_allclose(
        layer(source, domain="source"), source, atol=1e-10
    )


def test_turning_the_columns_turns_the_result(generator):
    source, target = _domains(generator, 20, 4)
    turn, _ = np.linalg.qr(generator.normal(size=(4, 4)))
    plain, turned = Coral(dtype="float64"), Coral(dtype="float64")
    plain.adapt(source, target)
    turned.adapt(source @ turn, target @ turn)
    np.testing.assert_allclose(
        turned(source @ turn, domain="source"),
        plain(source, domain="source").numpy() @ turn,
        atol=1e-9,
    )


def test_constant_columns_stay_constant(generator):
    source, target = _domains(generator, 20, 3)
    source[:, 1] = target[:, 1] = 0.0
    layer = Coral()
    layer.adapt(source, target)
    aligned = layer(source, domain="source").numpy()
    np.testing.assert_allclose(aligned[:, 1], 0.0, atol=1e-5)
    assert np.isfinite(aligned).all()


def test_the_target_costs_nothing(generator):
    layer = Coral()
    layer.adapt(*two_domains(generator))
    names = [weight.name for weight in layer.weights]
    assert names == ["source_kernel", "source_bias"]
    assert layer.compute_output_shape((None, 5)) == (None, 5)


def test_the_regularization_is_checked():
    with pytest.raises(ValueError, match="`regularization`.*positive number"):
        Coral(0.0)
