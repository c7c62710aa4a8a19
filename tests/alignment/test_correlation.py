import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers
from tests.alignment import batches
from tests.losses.test_coral import numpy_coral

pytestmark = pytest.mark.any_backend


def test_equals_numpy_summed_over_the_layers(generator):
    first = helpers.two_domains(generator, 12, 9, width=5)
    second = helpers.two_domains(generator, 12, 9, width=3)
    value = kt.alignment.CorrelationAlignment()(
        batches.representation(first[0], second[0]),
        batches.representation(first[1], second[1]),
    )
    expected = numpy_coral(*first) + numpy_coral(*second)
    np.testing.assert_allclose(value, expected, rtol=helpers.TOLERANCE)


def test_value_does_not_hold_the_weight(generator):
    source, target = batches.two(generator)
    values = [
        float(kt.alignment.CorrelationAlignment(weight)(source, target))
        for weight in (1.0, 5.0)
    ]
    assert values[0] == values[1]


def test_zero_on_identical_batches_and_symmetric(generator):
    term = kt.alignment.CorrelationAlignment()
    source, target = batches.two(generator)
    assert float(term(source, source)) == 0.0
    assert float(term(source, target)) == pytest.approx(
        float(term(target, source)), rel=1e-6
    )


def test_descent_on_the_features_lowers_it(generator):
    term = kt.alignment.CorrelationAlignment()
    source, target = helpers.two_domains(generator, 12, 9)

    def value(s, t):
        return term(batches.representation(s), batches.representation(t))

    before = float(value(source, target))
    by_source, by_target = helpers.gradients(value, source, target)
    assert np.abs(by_source).max() > 0 and np.abs(by_target).max() > 0
    after = value(source - 0.3 * by_source, target - 0.3 * by_target)
    assert float(after) < before


def test_needs_two_rows():
    assert kt.alignment.CorrelationAlignment().minimum_rows == 2
    one = batches.representation(np.ones((1, 3), "float32"))
    with pytest.raises(ValueError, match="at least 2 rows"):
        kt.alignment.CorrelationAlignment()(one, one)


def test_different_numbers_of_layers_are_an_error():
    rows = np.ones((4, 3), "float32")
    with pytest.raises(ValueError, match="zip"):
        kt.alignment.CorrelationAlignment()(
            batches.representation(rows, rows), batches.representation(rows)
        )
