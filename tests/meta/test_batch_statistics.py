"""What batch norm takes for the queries, mode by mode."""

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_transfer.meta import batch_statistics
from keras_transfer.meta.fast_model import FastModel
from tests.meta import small_models

MODES = batch_statistics.STATISTICS


@pytest.fixture
def model(generator):
    model = small_models.convolutional()
    for weight in model.weights:
        weight.assign(generator.uniform(0.1, 1.0, weight.shape))
    return model


def _run(model, support, query, mode, training=False):
    fast = FastModel(model)
    return batch_statistics.query_outputs(
        fast,
        fast.weights(),
        fast.state_values(),
        support,
        query,
        mode,
        training,
    )


def _twin(model, query, mean, variance):
    """The queries, normalised by such moments, in NumPy."""
    _, convolution, norm, pool, *rest = model.layers
    x = convolution(query).numpy()
    x = (x - mean) / np.sqrt(variance + norm.epsilon)
    x = pool(x * norm.gamma.numpy() + norm.beta.numpy())
    for layer in rest:
        x = layer(x)
    return x.numpy()


def _moments(model, x):
    x = model.layers[1](x).numpy()
    return x.mean((0, 1, 2)), x.var((0, 1, 2))


def test_queries_equal_their_twin(model, generator):
    support = small_models.images(4, generator)
    query = small_models.images(3, generator) + 2.0
    norm = model.layers[2]
    one_by_one = [
        _twin(
            model,
            query[i : i + 1],
            *_moments(model, np.concatenate([support, query[i : i + 1]])),
        )
        for i in range(3)
    ]
    expected = {
        "transductive": _twin(model, query, *_moments(model, query)),
        "support_plus_one": np.concatenate(one_by_one),
        "support": _twin(model, query, *_moments(model, support)),
        "moving": _twin(
            model,
            query,
            norm.moving_mean.numpy(),
            norm.moving_variance.numpy(),
        ),
    }
    for mode in MODES:
        outputs, _, _ = _run(model, support, query, mode)
        np.testing.assert_allclose(outputs, expected[mode], err_msg=mode)


@pytest.mark.parametrize("mode", MODES)
def test_only_transductive_queries_see_each_other(model, mode, generator):
    support = small_models.images(4, generator)
    query = small_models.images(3, generator)
    alone, _, _ = _run(model, support, query[:1], mode)
    together, _, _ = _run(model, support, query, mode)
    same = np.allclose(alone[0], together[0], rtol=1e-9)
    assert same == (mode != "transductive")


@pytest.mark.parametrize("mode", MODES)
def test_the_order_of_the_support_does_not_matter(model, mode, generator):
    support = small_models.images(4, generator)
    query = small_models.images(3, generator)
    outputs, _, _ = _run(model, support, query, mode)
    turned, _, _ = _run(model, support[::-1].copy(), query, mode)
    np.testing.assert_allclose(outputs, turned)


@pytest.mark.parametrize("mode", MODES)
def test_moving_statistics_move_as_in_training(model, mode, generator):
    support = small_models.images(4, generator)
    query = small_models.images(3, generator)
    _, state, _ = _run(model, support, query, mode)
    norm = model.layers[2]
    batches = {
        "transductive": [query],
        "support": [support],
        "moving": [],
        "support_plus_one": [
            np.concatenate([support, query[i : i + 1]]) for i in range(3)
        ],
    }[mode]
    expected = norm.moving_mean.numpy()
    if batches:
        means = [_moments(model, batch)[0] for batch in batches]
        expected = 0.9 * expected + 0.1 * np.mean(means, 0)
    np.testing.assert_allclose(state[0], expected)


def test_the_state_of_the_support_holds_its_moments(model, generator):
    support = small_models.images(4, generator)
    fast = FastModel(model)
    state = batch_statistics.support_state(
        fast, fast.weights(), fast.state_values(), support
    )
    for value, expected in zip(state, _moments(model, support), strict=True):
        np.testing.assert_allclose(value, expected)


def test_dropout_is_on_while_batch_norm_infers(generator):
    model = small_models.convolutional(dropout=0.5)
    support = small_models.images(4, generator)
    query = np.repeat(small_models.images(1, generator), 3, 0)
    for mode in ("support", "moving"):
        outputs, _, _ = _run(model, support, query, mode, training=True)
        assert not np.allclose(outputs[0], outputs[1])
        outputs, _, _ = _run(model, support, query, mode, training=False)
        np.testing.assert_allclose(outputs[0], outputs[1])


@pytest.mark.parametrize("mode", MODES)
def test_gradients_reach_the_weights_through_the_moments(
    model, mode, generator
):
    support = small_models.images(4, generator)
    query = small_models.images(3, generator)
    fast = FastModel(model)
    weights = fast.weights()
    push = generator.normal(size=(3, 3))

    def loss(weights):
        outputs, _, _ = batch_statistics.query_outputs(
            fast, weights, fast.state_values(), support, query, mode, False
        )
        return tf.reduce_sum(push * outputs)

    with tf.GradientTape() as tape:
        tape.watch(weights)
        value = loss(weights)
    gradient = tape.gradient(value, weights)[0]
    direction = generator.normal(size=weights[0].shape)
    step = 1e-6
    ahead, behind = (
        loss([weights[0] + sign * step * direction, *weights[1:]])
        for sign in (1, -1)
    )
    np.testing.assert_allclose(
        tf.reduce_sum(gradient * direction),
        (ahead - behind) / (2 * step),
        rtol=1e-5,
    )


def test_has_batch_norm(model):
    assert batch_statistics.has_batch_norm(model)
    assert not batch_statistics.has_batch_norm(small_models.dense())


def test_unknown_statistics(model, generator):
    x = small_models.images(2, generator)
    with pytest.raises(ValueError, match="Did you mean 'transductive'"):
        _run(model, x, x, "transductiv")


def test_a_model_without_batch_norm_is_the_same_in_all_modes(generator):
    model = small_models.convolutional(batch_norm=False)
    support = small_models.images(4, generator)
    query = small_models.images(3, generator)
    expected = model(query)
    for mode in MODES:
        outputs, _, _ = _run(model, support, query, mode)
        np.testing.assert_allclose(outputs, expected)
    assert not any(isinstance(v, layers.Layer) for v in model.variables)
