import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers

pytestmark = pytest.mark.any_backend

EPSILON = 1e-3


def _normalised(x, axes=0):
    x = x.astype("float64")
    mean = x.mean(axis=axes, keepdims=True)
    variance = x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON), mean, variance


@pytest.mark.parametrize("share_affine", [False, True])
def test_training_equals_numpy(share_affine, generator):
    x, _ = helpers.two_domains(generator)
    layer = kt.layers.DomainBatchNormalization(2, share_affine)
    value = layer(x, domain=1, training=True)
    np.testing.assert_allclose(value, _normalised(x)[0], atol=1e-5)


@pytest.mark.parametrize("share_affine", [False, True])
def test_each_domain_has_its_own_statistics(share_affine, generator):
    source, target = helpers.two_domains(generator, 12, 9)
    layer = kt.layers.DomainBatchNormalization(2, share_affine, momentum=0.0)
    layer(source, domain=0, training=True)
    layer(target, domain=1, training=True)
    for domain, rows in enumerate([source, target]):
        _, mean, variance = _normalised(rows)
        other = np.ones((1, rows.shape[1]), "float32")
        value = layer(other, domain=domain, training=False)
        expected = (other - mean) / np.sqrt(variance + EPSILON)
        np.testing.assert_allclose(value, expected, atol=1e-4)


def test_one_domain_leaves_the_others_statistics_alone(generator):
    source, target = helpers.two_domains(generator)
    layer = kt.layers.DomainBatchNormalization(2)
    before = helpers.to_numpy(layer(source, domain=0, training=False))
    layer(target, domain=1, training=True)
    after = helpers.to_numpy(layer(source, domain=0, training=False))
    np.testing.assert_array_equal(before, after)


def test_number_of_weights():
    x = np.ones((4, 3), "float32")
    own = kt.layers.DomainBatchNormalization(3)
    shared = kt.layers.DomainBatchNormalization(3, share_affine=True)
    own(x), shared(x)
    assert len(own.trainable_variables) == 6
    assert len(shared.trainable_variables) == 2
    assert len(own.non_trainable_variables) == 6
    assert len(shared.non_trainable_variables) == 6


def test_shared_gamma_and_beta_act_on_every_domain(generator):
    x, _ = helpers.two_domains(generator)
    layer = kt.layers.DomainBatchNormalization(2, share_affine=True)
    layer(x)
    gamma, beta = layer.trainable_variables
    gamma.assign(2.0 * keras.ops.ones(gamma.shape))
    beta.assign(0.5 * keras.ops.ones(beta.shape))
    for domain in range(2):
        value = layer(x, domain=domain, training=True)
        expected = 2.0 * _normalised(x)[0] + 0.5
        np.testing.assert_allclose(value, expected, atol=1e-5)


@pytest.mark.parametrize("share_affine", [False, True])
def test_axis_of_the_features(share_affine, generator):
    x = generator.normal(size=(4, 3, 5, 5)).astype("float32")
    layer = kt.layers.DomainBatchNormalization(2, share_affine, axis=1)
    value = layer(x, domain=0, training=True)
    np.testing.assert_allclose(value, _normalised(x, (0, 2, 3))[0], atol=1e-5)


def test_order_and_place_of_rows_do_not_matter_in_training(generator):
    x, _ = helpers.two_domains(generator)
    layer = kt.layers.DomainBatchNormalization(1)
    value = helpers.to_numpy(layer(x, training=True))
    moved = helpers.to_numpy(layer(x[::-1] + 5.0, training=True))
    np.testing.assert_allclose(moved[::-1], value, atol=1e-4)


def test_gradient_reaches_the_domain_that_was_called(generator):
    x, _ = helpers.two_domains(generator)
    layer = kt.layers.DomainBatchNormalization(2)
    layer(x)
    found = helpers.gradients_of_variables(
        lambda: keras.ops.sum(layer(x, domain=1, training=True) ** 2),
        layer.trainable_variables,
    )
    sizes = [np.abs(gradient).max() for gradient in found]
    assert sizes[:2] == [0, 0]
    assert sizes[2] > 1.0


@pytest.mark.parametrize("domain", [2, -1, 0.0, "source"])
def test_unknown_domain_is_refused(domain):
    layer = kt.layers.DomainBatchNormalization(2)
    with pytest.raises(ValueError, match="`domain`.*integer from 0 to 1"):
        layer(np.ones((2, 2), "float32"), domain=domain)


@pytest.mark.parametrize("num_domains", [0, -1, 1.5])
def test_wrong_number_of_domains_is_refused(num_domains):
    with pytest.raises(ValueError, match="`num_domains`.*positive integer"):
        kt.layers.DomainBatchNormalization(num_domains)
