import keras
import numpy as np
import pytest

from keras_transfer import losses
from tests import helpers

pytestmark = pytest.mark.any_backend


def numpy_coral(source, target):
    """Sun & Saenko 2016, eq. 1-3, in float64."""
    width = source.shape[1]

    def covariance(x):
        x = np.asarray(x, "float64")
        sums = x.sum(axis=0, keepdims=True)
        return (x.T @ x - sums.T @ sums / len(x)) / (len(x) - 1)

    difference = covariance(source) - covariance(target)
    return np.linalg.norm(difference, "fro") ** 2 / (4 * width**2)


def test_known_value():
    """Two other libraries give the same number for these batches."""
    rng = np.random.default_rng(0)
    source = rng.normal(size=(32, 8))
    target = rng.normal(size=(32, 8)) * 1.5 + 0.5
    assert float(losses.coral(source, target)) == pytest.approx(
        0.10811606, rel=1e-5
    )
    assert float(losses.Coral()(source, target)) == pytest.approx(
        0.10811606, rel=1e-5
    )


@pytest.mark.parametrize("target_rows", [12, 5, 30])
def test_equals_numpy_with_unequal_batches(target_rows, generator):
    source, target = helpers.two_domains(generator, 12, target_rows)
    np.testing.assert_allclose(
        losses.coral(source, target),
        numpy_coral(source, target),
        rtol=helpers.TOLERANCE,
    )


def test_zero_on_identical_batches(generator):
    source, _ = helpers.two_domains(generator)
    assert float(losses.coral(source, source)) == 0.0


def test_symmetric(generator):
    source, target = helpers.two_domains(generator, 12, 7)
    assert float(losses.coral(source, target)) == pytest.approx(
        float(losses.coral(target, source)), rel=1e-6
    )


def test_order_of_rows_does_not_matter(generator):
    source, target = helpers.two_domains(generator)
    mixed = generator.permutation(target)
    assert float(losses.coral(source, mixed)) == pytest.approx(
        float(losses.coral(source, target)), rel=1e-5
    )


def test_blind_to_the_mean(generator):
    source, target = helpers.two_domains(generator)
    assert float(losses.coral(source, target + 3.0)) == pytest.approx(
        float(losses.coral(source, target)), rel=1e-4
    )


def test_rotation_of_both_does_not_matter(generator):
    source, target = helpers.two_domains(generator)
    rotation, _ = np.linalg.qr(generator.normal(size=(5, 5)))
    rotation = rotation.astype("float32")
    assert float(losses.coral(source @ rotation, target @ rotation)) == (
        pytest.approx(float(losses.coral(source, target)), rel=1e-4)
    )


def test_gradient_equals_differences(generator):
    source, target = helpers.two_domains(generator, 6, 4, width=3)
    found = helpers.gradients(losses.coral, source, target)
    expected = [
        helpers.numeric_gradient(lambda x: numpy_coral(x, target), source),
        helpers.numeric_gradient(lambda x: numpy_coral(source, x), target),
    ]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert np.abs(found[0]).max() > 1e-3


def test_descent_lowers_it(generator):
    source, target = helpers.two_domains(generator)
    values = []
    for _ in range(4):
        values.append(float(losses.coral(source, target)))
        (gradient,) = helpers.gradients(
            lambda x, fixed=source: losses.coral(fixed, x), target
        )
        target = target - 0.5 * gradient
    assert (np.diff(values) < 0).all()


def test_a_batch_of_one_is_refused():
    with pytest.raises(ValueError, match="at least 2 rows.*batch of 1"):
        losses.coral(np.ones((1, 3), "f4"), np.ones((4, 3), "f4"))


def test_sample_weight_multiplies_the_whole(generator):
    source, target = helpers.two_domains(generator)
    loss = losses.Coral()
    assert float(loss(source, target, sample_weight=0.5)) == pytest.approx(
        0.5 * float(loss(source, target)), rel=1e-6
    )


def test_half_precision_is_computed_in_single(generator):
    source, target = helpers.two_domains(generator, rows=64, width=8)
    halves = [keras.ops.cast(x, "float16") for x in (source, target)]
    assert float(losses.coral(*halves)) == pytest.approx(
        numpy_coral(source, target), rel=1e-2
    )
