"""Steps on a support, against steps by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta import batch_statistics
from tests.meta import small_episodes as small
from tests.meta.adaptation_twin import cross_entropy
from tests.meta.small_maml import batch
from tests.meta.small_maml import network
from tests.meta.small_maml import new_maml


def _points(maml, steps, **arguments):
    x, y = batch()
    first = maml._start()
    points = maml.inner_loop().points(
        first, x["support"][0], y["support"][0], steps, False, **arguments
    )
    return first, list(points), x, y


def test_points_equal_steps_by_hand():
    model = network(batch_norm=True)
    maml = new_maml(model, inner_learning_rate=0.3)
    _, points, x, y = _points(maml, 3)
    assert [point.step for point in points] == [0, 1, 2, 3]
    variables = model.trainable_variables
    for point in points:
        for variable in variables:
            np.testing.assert_allclose(
                point.weights[id(variable)], variable, atol=1e-5
            )
        for variable in model.non_trainable_variables:
            np.testing.assert_allclose(
                point.state[id(variable)], variable, atol=1e-5
            )
        with tf.GradientTape() as tape:
            loss = cross_entropy(
                y["support"][0], model(x["support"][0], training=True)
            )
        gradients = tape.gradient(loss, [v.value for v in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(0.3 * gradient)


def test_a_pass_of_queries_changes_no_point():
    maml = new_maml(network(batch_norm=True))
    first, points, x, _ = _points(maml, 1)
    loop = maml.inner_loop()
    found = {}
    for mode in batch_statistics.STATISTICS:
        found[mode], after, _ = loop.query_outputs(
            points[-1], first, x["support"][0], x["query"][0], mode, False
        )
        assert after.weights is points[-1].weights
    assert not np.allclose(found["transductive"], found["support"])
    assert not np.allclose(found["moving"], found["support"])


def test_moving_statistics_are_those_before_the_support():
    model = network(batch_norm=True)
    maml = new_maml(model, inner_learning_rate=0.0)
    first, points, x, _ = _points(maml, 3)
    outputs, _, _ = maml.inner_loop().query_outputs(
        points[-1], first, x["support"][0], x["query"][0], "moving", False
    )
    np.testing.assert_allclose(outputs, model(x["query"][0]), atol=1e-6)


@pytest.mark.parametrize("clip", [None, 0.01])
def test_clipped_steps(clip):
    maml = new_maml(inner_learning_rate=1.0, inner_gradient_clip=clip)
    first, points, _, _ = _points(maml, 1)
    largest = max(
        np.abs(after - before).max()
        for after, before in zip(
            points[1].weights.values(), first.weights.values(), strict=True
        )
    )
    assert (largest <= 0.0101) == (clip is not None)


def test_the_final_values_are_those_of_a_plain_model():
    model = network(batch_norm=True)
    maml = new_maml(model)
    _, points, x, _ = _points(maml, 2)
    weights, state = maml.inner_loop().final(points[-1], x["support"][0])
    assert [w.shape for w in weights] == [
        tuple(v.shape) for v in model.trainable_variables
    ]
    hidden = x["support"][0].numpy() @ weights[0].numpy()
    hidden = hidden + weights[1].numpy()
    np.testing.assert_allclose(state[0], hidden.mean(0), atol=1e-5)
    np.testing.assert_allclose(state[1], hidden.var(0), atol=1e-5)
    assert x["support"].shape[-1] == small.WIDTH
