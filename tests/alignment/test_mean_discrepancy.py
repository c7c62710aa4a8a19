import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers
from tests.alignment import batches
from tests.losses.test_coral import numpy_coral
from tests.losses.test_maximum_mean_discrepancy import numpy_bandwidths
from tests.losses.test_maximum_mean_discrepancy import numpy_mmd

pytestmark = pytest.mark.any_backend


def _numpy(source, target):
    widths = numpy_bandwidths(source, target)
    return numpy_mmd(source, target, widths, "biased")


def test_equals_numpy_summed_over_the_layers(generator):
    first = helpers.two_domains(generator, 8, 6, width=5)
    second = helpers.two_domains(generator, 8, 6, width=3)
    value = kt.alignment.MeanDiscrepancy()(
        batches.representation(first[0], second[0]),
        batches.representation(first[1], second[1]),
    )
    expected = _numpy(*first) + _numpy(*second)
    np.testing.assert_allclose(value, expected, rtol=helpers.TOLERANCE)


def test_loss_can_be_exchanged(generator):
    source, target = helpers.two_domains(generator, 8, 6)
    loss = kt.losses.MaximumMeanDiscrepancy(
        bandwidths=[0.7], estimator="unbiased"
    )
    value = kt.alignment.MeanDiscrepancy(loss)(
        batches.representation(source), batches.representation(target)
    )
    expected = numpy_mmd(source, target, [0.7], "unbiased")
    np.testing.assert_allclose(value, expected, rtol=helpers.TOLERANCE)


def test_zero_on_identical_batches_and_symmetric(generator):
    term = kt.alignment.MeanDiscrepancy()
    source, target = batches.two(generator)
    assert float(term(source, source)) == pytest.approx(0, abs=1e-6)
    assert float(term(source, target)) == pytest.approx(
        float(term(target, source)), rel=1e-5
    )


def test_descent_on_the_features_lowers_it(generator):
    term = kt.alignment.MeanDiscrepancy()
    source, target = helpers.two_domains(generator, 12, 9)

    def value(s, t):
        return term(batches.representation(s), batches.representation(t))

    values = []
    for _ in range(4):
        values.append(float(value(source, target)))
        by_source, by_target = helpers.gradients(value, source, target)
        source, target = source - by_source, target - by_target
    assert (np.diff(values) < 0).all()


def test_loss_may_be_any_keras_loss_of_two_batches(generator):
    source, target = helpers.two_domains(generator, 8, 6)
    term = kt.alignment.MeanDiscrepancy(kt.losses.Coral())
    value = term(batches.representation(source), batches.representation(target))
    expected = numpy_coral(source, target)
    np.testing.assert_allclose(value, expected, rtol=helpers.TOLERANCE)
    assert term.minimum_rows == 1


def test_a_function_that_could_not_be_saved_is_refused():
    with pytest.raises(ValueError, match="`loss`.*a keras.losses.Loss"):
        kt.alignment.MeanDiscrepancy(kt.losses.coral)


@pytest.mark.parametrize("estimator, rows", [("biased", 1), ("unbiased", 2)])
def test_fewest_rows_are_those_of_the_estimator(estimator, rows):
    loss = kt.losses.MaximumMeanDiscrepancy(estimator=estimator)
    assert kt.alignment.MeanDiscrepancy(loss).minimum_rows == rows
