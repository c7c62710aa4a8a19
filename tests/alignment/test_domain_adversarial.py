import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers
from tests.alignment import batches

pytestmark = pytest.mark.any_backend


def _built_term(width=5, **kwargs):
    term = kt.alignment.DomainAdversarial(
        discriminator=kt.layers.DomainDiscriminator((6,)), **kwargs
    )
    rows = batches.representation(np.ones((2, width), "float32"))
    term(rows, rows)
    return term


def _logits(term, features):
    kernel, bias, last_kernel, last_bias = (
        w.astype("float64") for w in term.discriminator.get_weights()
    )
    hidden = np.maximum(features.astype("float64") @ kernel + bias, 0)
    return (hidden @ last_kernel + last_bias)[:, 0]


def numpy_domain_loss(term, source, target):
    """Ganin et al. 2016, eq. 9: -log of the right domain, two means."""
    probability = [
        1 / (1 + np.exp(-_logits(term, rows))) for rows in (source, target)
    ]
    return -np.log(1 - probability[0]).mean() - np.log(probability[1]).mean()


def _value(term):
    def value(source, target):
        return term(
            batches.representation(source), batches.representation(target)
        )

    return value


@pytest.mark.parametrize("rows, target_rows", [(8, 8), (12, 5), (1, 7)])
def test_equals_numpy_with_two_means(rows, target_rows, generator):
    source, target = helpers.two_domains(generator, rows, target_rows)
    term = _built_term(strength=0.4)
    value = _value(term)(source, target)
    expected = numpy_domain_loss(term, source, target)
    np.testing.assert_allclose(value, expected, rtol=helpers.TOLERANCE)


def test_more_target_rows_of_the_same_kind_change_nothing(generator):
    source, target = helpers.two_domains(generator, 6)
    value = _value(_built_term())
    twice = np.concatenate([target, target])
    assert float(value(source, twice)) == pytest.approx(
        float(value(source, target)), rel=1e-5
    )


def test_order_of_rows_does_not_matter(generator):
    source, target = helpers.two_domains(generator, 6)
    value = _value(_built_term())
    assert float(value(source[::-1].copy(), target)) == pytest.approx(
        float(value(source, target)), rel=1e-5
    )


@pytest.mark.parametrize("strength", [0.0, 0.3, 2.0])
def test_gradient_into_the_features_is_reversed_and_scaled(strength, generator):
    source, target = helpers.two_domains(generator, 6, 4)
    term = _built_term(strength=strength)
    found = helpers.gradients(_value(term), source, target)
    upright = [
        helpers.numeric_gradient(
            lambda x: numpy_domain_loss(term, x, target), source
        ),
        helpers.numeric_gradient(
            lambda x: numpy_domain_loss(term, source, x), target
        ),
    ]
    for one, other in zip(found, upright, strict=True):
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(one, -strength * other, atol=1e-5)


def test_gradient_of_the_discriminator_does_not_know_the_strength(generator):
    source, target = helpers.two_domains(generator, 6, 4)
    term = _built_term()
    found = []
    for strength in (0.0, 0.3, 2.0):
        term.strength = strength
        found.append(
            helpers.gradients_of_variables(
                lambda: _value(term)(source, target),
                term.discriminator.trainable_variables,
            )
        )
    assert len(found[0]) == 4
    assert np.abs(found[0][0]).max() > 1e-3
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_features_climb_and_the_discriminator_descends(generator):
    source, target = helpers.two_domains(generator, 12, 9)
    term = _built_term(strength=1.0)
    before = numpy_domain_loss(term, source, target)

    by_source, by_target = helpers.gradients(_value(term), source, target)
    moved = source - 0.5 * by_source, target - 0.5 * by_target
    assert numpy_domain_loss(term, *moved) > before + 1e-4

    variables = term.discriminator.trainable_variables
    found = helpers.gradients_of_variables(
        lambda: _value(term)(source, target), variables
    )
    for variable, gradient in zip(variables, found, strict=True):
        variable.assign(helpers.to_numpy(variable) - 0.1 * gradient)
    assert numpy_domain_loss(term, source, target) < before - 1e-4


def test_default_strength_is_the_ramp_of_the_paper(generator):
    source, target = helpers.two_domains(generator, 6)
    rising, full = _built_term(), _built_term(strength=1.0)
    full.discriminator.set_weights(rising.discriminator.get_weights())
    whole, _ = helpers.gradients(_value(full), source, target)
    for progress in (0.0, 0.1, 1.0):
        (found,) = helpers.gradients(
            lambda x, progress=progress: rising(
                batches.representation(x),
                batches.representation(target),
                progress=progress,
            ),
            source,
        )
        expected = (2 / (1 + np.exp(-10 * progress)) - 1) * whole
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_several_layers_are_joined(generator):
    source, target = helpers.two_domains(generator, 6, 4, width=7)
    term = _built_term(width=7)
    parts = [
        batches.representation(rows[:, :3], rows[:, 3:])
        for rows in (source, target)
    ]
    assert float(term(*parts)) == pytest.approx(
        numpy_domain_loss(term, source, target), rel=1e-5
    )


def test_domain_accuracy_is_the_mean_of_both_domains(generator):
    source, target = helpers.two_domains(generator, 12, 5)
    term = _built_term()
    term.domain_accuracy.reset_state()
    _value(term)(source, target)
    expected = 0.5 * (_logits(term, source) < 0).mean()
    expected += 0.5 * (_logits(term, target) > 0).mean()
    assert float(term.domain_accuracy.result()) == pytest.approx(expected)
    assert 0 < expected < 1


def test_no_overflow_for_sure_discriminators():
    term = _built_term(strength=1.0)
    source = np.full((2, 5), 1e4, "float32")
    assert np.isfinite(float(_value(term)(source, -source)))
    for gradient in helpers.gradients(_value(term), source, -source):
        assert np.isfinite(gradient).all()


def test_an_own_discriminator(generator):
    source, target = helpers.two_domains(generator, 6)
    term = kt.alignment.DomainAdversarial(discriminator=keras.layers.Dense(1))
    value = _value(term)(source, target)
    kernel, bias = term.discriminator.get_weights()
    # No matmul: NumPy's raised a false "invalid value" on these finite numbers
    # once, with JAX's threads beside it, and warnings are errors here.
    logits = [
        (rows * kernel[:, 0]).sum(axis=1) + bias for rows in (source, target)
    ]
    expected = np.log1p(np.exp(logits[0])).mean()
    expected += np.log1p(np.exp(-logits[1])).mean()
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_config_holds_the_discriminator_and_the_schedule():
    term = _built_term(strength=kt.schedules.LinearRamp(0.0, 0.5))
    copy = kt.alignment.DomainAdversarial.from_config(term.get_config())
    assert copy.discriminator.units == (6,)
    assert copy.strength.end == 0.5


def test_a_discriminator_with_two_outputs_is_refused(generator):
    source, target = helpers.two_domains(generator, 6)
    term = kt.alignment.DomainAdversarial(discriminator=keras.layers.Dense(2))
    with pytest.raises(ValueError, match="Expected one output. Received 2"):
        _value(term)(source, target)


def test_something_that_is_no_strength_is_refused():
    with pytest.raises(ValueError, match="`strength`.*number or a schedule"):
        kt.alignment.DomainAdversarial(strength="full")
