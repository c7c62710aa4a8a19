"""The bidirectional LSTM over a support."""

import keras
import numpy as np
import pytest

from keras_transfer.meta.support_context import SupportContext
from tests import helpers
from tests.meta.test_query_context import sigmoid

LABELS = np.array([[0, 1, 1, 0, 2, 2], [0, -1, 1, -1, 2, -1]], "int32")


def numpy_lstm(weights, rows):
    kernel, recurrent, bias = weights
    h, c, outputs = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), []
    for row in rows:
        gates = row @ kernel + h @ recurrent + bias
        i, f, new, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def numpy_support_context(layer, rows):
    """One task, its rows that count."""
    places = np.random.RandomState(layer.seed).permutation(4096)[: len(rows)]
    order = np.argsort(places)
    forward, backward = (
        [helpers.to_numpy(w) for w in part.weights]
        for part in (layer.lstm.forward_layer, layer.lstm.backward_layer)
    )
    shuffled = rows[order]
    read = numpy_lstm(forward, shuffled)
    read = read + numpy_lstm(backward, shuffled[::-1])[::-1]
    result = rows.copy()
    result[order] += read
    return result


@pytest.fixture
def support(generator):
    """Two tasks of up to 6 examples, of width 4."""
    return generator.normal(size=(2, 6, 4)).astype("float32")


@pytest.fixture
def layer(support):
    layer = SupportContext(seed=7)
    layer.build(support.shape)
    return layer


def test_it_equals_numpy(layer, support):
    found = helpers.to_numpy(layer(support, LABELS))
    for task in range(2):
        used = LABELS[task] >= 0
        expected = numpy_support_context(layer, support[task][used])
        np.testing.assert_allclose(found[task][used], expected, atol=1e-5)
        np.testing.assert_array_equal(found[task][~used], 0)


def test_the_fixed_order_is_a_shuffled_one(layer):
    places = layer._places[:20]
    assert sorted(places) != places.tolist()
    assert len(set(layer._places)) == len(layer._places)
    assert SupportContext(seed=7)._places.tolist() == layer._places.tolist()
    assert SupportContext(seed=8)._places.tolist() != layer._places.tolist()


def test_inference_always_reads_in_one_order(layer, support):
    first = layer(support, LABELS, training=False)
    np.testing.assert_array_equal(layer(support, LABELS), first)


def test_training_reads_in_a_new_order_each_time(layer, support):
    calls = [
        helpers.to_numpy(layer(support, LABELS, training=True))
        for _ in range(4)
    ]
    assert len({call.tobytes() for call in calls}) > 2
    # One row is one order: only the order differs from inference.
    alone = np.where(np.arange(6) == 2, LABELS, -1)
    np.testing.assert_allclose(
        layer(support, alone, training=True), layer(support, alone), atol=1e-6
    )


def test_the_order_of_training_follows_from_the_seed(layer, support):
    other = SupportContext(seed=7)
    other.build(support.shape)
    other.set_weights(layer.get_weights())
    for _ in range(2):
        np.testing.assert_array_equal(
            other(support, training=True), layer(support, training=True)
        )


@pytest.mark.parametrize("training", [False, True])
def test_padding_is_not_read(layer, support, training):
    state = helpers.to_numpy(layer.seed_generator.state)
    before = layer(support, LABELS, training=training)
    layer.seed_generator.state.assign(state)
    spoilt = np.where(LABELS[..., None] < 0, np.nan, support)
    after = layer(spoilt, LABELS, training=training)
    np.testing.assert_array_equal(after, before)
    (gradient,) = helpers.gradients(
        lambda x: keras.ops.sum(layer(x, LABELS, training=training)), spoilt
    )
    assert np.isfinite(gradient).all()
    assert np.abs(gradient[LABELS >= 0]).min() > 0


def test_padding_changes_no_order(layer, support):
    padded = helpers.to_numpy(layer(support, LABELS))[1]
    short = layer(support[1:, [0, 2, 4]], LABELS[1:, [0, 2, 4]])
    np.testing.assert_allclose(short[0], padded[[0, 2, 4]], atol=1e-6)


def test_tasks_do_not_see_each_other(layer, support):
    together = helpers.to_numpy(layer(support, LABELS))
    alone = layer(support[1:], LABELS[1:])
    np.testing.assert_allclose(alone[0], together[1], atol=1e-6)


def test_a_task_without_support_is_zero(layer, support):
    empty = np.full((2, 6), -1)
    np.testing.assert_array_equal(layer(support, empty), 0)


def test_both_directions_learn(layer, support):
    def loss():
        return keras.ops.mean(layer(support, LABELS) ** 2)

    found = helpers.gradients_of_variables(loss, layer.trainable_weights)
    assert len(found) == 6
    before = float(loss())
    for weight, gradient in zip(layer.trainable_weights, found, strict=True):
        assert np.abs(gradient).max() > 1e-4
        weight.assign_sub(0.1 * gradient)
    assert float(loss()) < before


def test_it_is_saved_in_a_functional_model(support, tmp_path):
    inputs = [keras.Input((None, 4)), keras.Input((None,), dtype="int32")]
    outputs = SupportContext()(inputs[0], support_labels=inputs[1])
    model = keras.Model(inputs, outputs)
    assert model.output_shape == (None, None, 4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    arrays = [support, LABELS]
    np.testing.assert_array_equal(loaded(arrays), model(arrays))


def test_a_seed_at_random_is_kept(support):
    layer = SupportContext()
    copy = SupportContext.from_config(layer.get_config())
    assert copy.seed == layer.seed
    assert SupportContext().seed != layer.seed
