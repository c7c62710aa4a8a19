"""The option in MAML."""

import numpy as np
import pytest

import keras_transfer as kt
from tests.meta.small_maml import assert_same_weights
from tests.meta.small_maml import batch
from tests.meta.small_maml import network
from tests.meta.small_maml import new_maml
from tests.meta.small_maml import result

OPTION = [kt.meta.PerStepBatchNorm()]


def _twins(**arguments):
    """With and without the option, otherwise the same."""
    model = network(batch_norm=True)
    return [
        new_maml(
            model, adapt="!*batch_normalization*", options=options, **arguments
        )
        for options in (OPTION, [])
    ]


def test_a_single_step_is_as_without_the_option():
    ours, plain = (result(maml, *batch()) for maml in _twins())
    np.testing.assert_allclose(ours.loss, plain.loss)
    for one, other in zip(ours.gradients, plain.gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)


def test_copies_share_the_gradient_of_what_they_copy():
    """At the start all steps have equal values: the sum is as before."""
    ours, plain = _twins(inner_steps=3)
    found, expected = (result(maml, *batch()) for maml in (ours, plain))
    np.testing.assert_allclose(found.loss, expected.loss)
    (own,) = [x for x in ours.layers if x.name == "step_variables"]
    gradients = {
        id(v): g
        for v, g in zip(ours.trainable_variables, found.gradients, strict=True)
    }
    for variable, gradient in zip(
        plain.trainable_variables, expected.gradients, strict=True
    ):
        stand_ins = {id(own.of(variable, step)) for step in range(3)}
        total = sum(gradients[key] for key in stand_ins)
        np.testing.assert_allclose(total, gradient, atol=1e-6)
    gammas = [v for v in own.trainable_variables if "gamma" in v.path]
    assert len(gammas) == 2
    assert all(np.any(gradients[id(gamma)]) for gamma in gammas)


def test_each_step_moves_its_own_statistics():
    maml, plain = _twins(inner_steps=2)
    before = [np.array(v) for v in maml.state_variables()]
    maml.train_on_batch(*batch())
    after = [np.array(v) for v in maml.state_variables()]
    assert len(before) == 4
    for one, other in zip(before, after, strict=True):
        assert not np.array_equal(one, other)
    # The first step has run once, the second one and the queries twice.
    plain.train_on_batch(*batch())
    assert not np.allclose(after[0], np.array(plain.state_variables()[0]))


def test_the_adapted_model_has_the_last_step():
    (maml, _) = _twins(inner_steps=2)
    (own,) = [x for x in maml.layers if x.name == "step_variables"]
    for variable in own.trainable_variables:
        variable.assign(np.full(variable.shape, 3.0))
    x, y = batch()
    adapted = maml.adapt(x["support"][0], y["support"][0])
    gammas = [v for v in adapted.variables if "gamma" in v.path]
    assert [float(np.mean(v)) for v in gammas] == [3.0]
    assert len(adapted.variables) == len(maml.model.variables)


def test_config():
    again = kt.meta.PerStepBatchNorm.from_config(OPTION[0].get_config())
    assert isinstance(again, kt.meta.PerStepBatchNorm)
    maml = new_maml(network(batch_norm=True), inner_steps=2, options=OPTION)
    copy = kt.meta.MAML.from_config(maml.get_config())
    copy.set_weights(maml.get_weights())
    assert_same_weights(maml, copy)


def test_something_must_be_left_to_adapt():
    with pytest.raises(ValueError, match="argument `adapt`"):
        new_maml(
            network(batch_norm=True),
            adapt="*batch_normalization*",
            options=OPTION,
        )
