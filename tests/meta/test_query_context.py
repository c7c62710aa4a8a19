"""The attention LSTM."""

import keras
import numpy as np
import pytest

from keras_transfer.meta.query_context import QueryContext
from tests import helpers

LABELS = np.array([[0, 1, 1, 0, 2], [0, -1, 1, -1, -1]], "int32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def numpy_query_context(weights, queries, support, steps):
    """One task: `(queries, d)` and the `(support, d)` that counts."""
    kernel, recurrent, bias = weights
    result = []
    for query in queries:
        h, c = np.zeros_like(query), np.zeros_like(query)
        for _ in range(steps):
            r = numpy_softmax(support @ h) @ support
            gates = query @ kernel + np.concatenate([h, r]) @ recurrent + bias
            i, f, new, o = np.split(gates, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
            h = sigmoid(o) * np.tanh(c) + query
        result.append(h)
    return np.array(result)


@pytest.fixture
def features(generator):
    """Two tasks of 3 queries and up to 5 examples, of width 4."""
    queries = generator.normal(size=(2, 3, 4)).astype("float32")
    support = generator.normal(size=(2, 5, 4)).astype("float32")
    return queries, support


@pytest.fixture
def layer(features):
    layer = QueryContext(processing_steps=3)
    layer.build(features[0].shape)
    return layer


def test_it_equals_numpy(layer, features):
    queries, support = features
    found = helpers.to_numpy(layer(queries, support, LABELS))
    weights = [helpers.to_numpy(w) for w in layer.weights]
    assert [w.shape for w in weights] == [(4, 16), (8, 16), (16,)]
    assert weights[2].tolist() == [0] * 4 + [1] * 4 + [0] * 8
    for task in range(2):
        expected = numpy_query_context(
            weights, queries[task], support[task][LABELS[task] >= 0], steps=3
        )
        np.testing.assert_allclose(found[task], expected, atol=1e-5)


def test_the_last_step_ends_with_the_query_itself(features):
    queries, support = features
    layer = QueryContext(processing_steps=2)
    layer.build(queries.shape)
    for weight in layer.weights:
        weight.assign(keras.ops.zeros_like(weight))
    np.testing.assert_allclose(layer(queries, support), queries)


def test_order_of_the_support_does_not_matter(layer, features, generator):
    queries, support = features
    order = generator.permutation(5)
    np.testing.assert_allclose(
        layer(queries, support[:, order], LABELS[:, order]),
        layer(queries, support, LABELS),
        atol=1e-5,
    )


def test_padding_is_not_read(layer, features):
    queries, support = features
    before = layer(queries, support, LABELS)
    spoilt = np.where(LABELS[..., None] < 0, np.nan, support)
    np.testing.assert_array_equal(layer(queries, spoilt, LABELS), before)

    def total(q, s):
        return keras.ops.sum(layer(q, s, LABELS))

    by_query, by_support = helpers.gradients(total, queries, spoilt)
    assert np.isfinite(by_query).all()
    assert np.abs(by_support[LABELS >= 0]).min() > 0
    np.testing.assert_array_equal(by_support[LABELS < 0], 0)


def test_without_labels_all_rows_are_read(layer, features):
    queries, support = features
    labels = np.zeros((2, 5), "int32")
    np.testing.assert_array_equal(
        layer(queries, support), layer(queries, support, labels)
    )
    nothing = layer(queries, support, labels - 1)
    zeros = np.zeros_like(support)
    np.testing.assert_allclose(nothing, layer(queries, zeros), atol=1e-6)


def test_tasks_and_queries_do_not_see_each_other(layer, features):
    queries, support = features
    together = helpers.to_numpy(layer(queries, support, LABELS))
    one = layer(queries[:1, 1:2], support[:1], LABELS[:1])
    np.testing.assert_allclose(one[0, 0], together[0, 1], atol=1e-6)
    no_tasks = layer(queries[0], support[0], LABELS[0])
    np.testing.assert_allclose(no_tasks, together[0], atol=1e-6)


def test_gradient_draws_queries_to_a_goal(layer, features):
    queries, support = features

    def loss():
        return keras.ops.mean(layer(queries, support, LABELS) ** 2)

    found = helpers.gradients_of_variables(loss, layer.trainable_weights)
    before = float(loss())
    for weight, gradient in zip(layer.trainable_weights, found, strict=True):
        assert np.abs(gradient).max() > 1e-4
        weight.assign_sub(0.1 * gradient)
    assert float(loss()) < before


def test_it_compiles(layer, features):
    tensors = [keras.ops.convert_to_tensor(x) for x in (*features, LABELS)]
    np.testing.assert_allclose(
        helpers.compiled(lambda *args: layer(*args))(*tensors),
        layer(*tensors),
        atol=1e-5,
    )


def test_it_is_saved_in_a_functional_model(features, tmp_path):
    inputs = [
        keras.Input((None, 4)),
        keras.Input((None, 4)),
        keras.Input((None,), dtype="int32"),
    ]
    outputs = QueryContext(2)(
        inputs[0], support=inputs[1], support_labels=inputs[2]
    )
    model = keras.Model(inputs, outputs)
    assert model.output_shape == (None, None, 4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    arrays = [*features, LABELS]
    np.testing.assert_array_equal(loaded(arrays), model(arrays))


@pytest.mark.parametrize("steps", [0, 1.5, None])
def test_steps_must_be_a_number(steps):
    with pytest.raises(ValueError, match="`processing_steps`.*positive"):
        QueryContext(steps)
