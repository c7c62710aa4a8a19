"""Attention over labelled examples."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta.matching_head import MatchingHead
from keras_transfer.meta.matching_head import class_log_probabilities
from keras_transfer.meta.query_context import QueryContext
from tests import helpers

LABELS = np.array(
    [[0, 1, 2, 1, 0, 4], [1, 0, -1, -1, 1, -1], [-1, 2, 2, -1, 2, 0]], "int32"
)


def numpy_log_probabilities(query, support, labels, num_classes, temperature):
    """One task, in float64: attention first, then its sum over a class."""
    used = labels >= 0
    query, support = query.astype("float64"), support[used].astype("float64")
    # A padded query is zero, and as like to all.
    query, support = (
        x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
        for x in (query, support)
    )
    # Wide enough a float for any temperature here.
    attention = np.exp((query @ support.T / temperature).astype("longdouble"))
    attention = attention / attention.sum(axis=1, keepdims=True)
    one_hot = np.eye(num_classes)[labels[used]]
    with np.errstate(divide="ignore"):
        return np.log(attention @ one_hot).astype("float64")


@pytest.fixture
def episodes(generator):
    """Three tasks of 5 queries and up to 6 examples, of width 4."""
    query = generator.normal(size=(3, 5, 4)).astype("float32")
    support = generator.normal(size=(3, 6, 4)).astype("float32")
    return query, support


@pytest.mark.parametrize("temperature", [1.0, 0.1, 0.005])
def test_it_equals_numpy(episodes, temperature):
    query, support = episodes
    found = class_log_probabilities(query, support, LABELS, 6, temperature)
    assert found.shape == (3, 5, 6)
    for task in range(3):
        expected = numpy_log_probabilities(
            query[task], support[task], LABELS[task], 6, temperature
        )
        absent = np.isneginf(expected)
        assert (found[task].numpy()[absent] == np.float32(-1e30)).all()
        np.testing.assert_allclose(
            found[task].numpy()[~absent],
            expected[~absent],
            rtol=1e-4,
            atol=1e-5,
        )


def test_probabilities_sum_to_one(episodes):
    found = class_log_probabilities(*episodes, LABELS, 6, 0.1)
    np.testing.assert_allclose(np.exp(found).sum(-1), 1, rtol=1e-5)
    # So they are logits of themselves.
    np.testing.assert_allclose(tf.nn.softmax(found), np.exp(found), atol=1e-6)


def test_lengths_and_order_do_not_matter(episodes, generator):
    query, support = episodes
    found = class_log_probabilities(query, support, LABELS, 6, 0.3)
    order = generator.permutation(6)
    lengths = generator.uniform(0.5, 9, size=(3, 6, 1)).astype("float32")
    same = class_log_probabilities(
        7 * query, (lengths * support)[:, order], LABELS[:, order], 6, 0.3
    )
    np.testing.assert_allclose(same, found, rtol=1e-5, atol=1e-5)


def test_other_numbers_of_classes_permute_the_columns(episodes):
    numbers = np.array([3, 5, 0, 1, 2, 4, -1])
    found = class_log_probabilities(*episodes, LABELS, 6, 0.3).numpy()
    renamed = class_log_probabilities(*episodes, numbers[LABELS], 6, 0.3)
    # Vectorised sums may round otherwise in another place of memory.
    np.testing.assert_allclose(
        renamed.numpy()[..., numbers[:-1]], found, rtol=1e-6
    )


def test_tasks_and_queries_do_not_see_each_other(episodes):
    query, support = episodes
    found = class_log_probabilities(query, support, LABELS, 6, 0.3).numpy()
    alone = class_log_probabilities(
        query[1:2, 2:3], support[1:2], LABELS[1:2], 6, 0.3
    )
    np.testing.assert_allclose(alone[0, 0], found[1, 2], rtol=1e-5)
    wrong = LABELS.copy()
    wrong[2, 1] = 6
    spoilt = class_log_probabilities(query, support, wrong, 6, 0.3).numpy()
    np.testing.assert_array_equal(spoilt[:2], found[:2])
    assert np.isnan(spoilt[2]).all()


def test_padding_takes_no_part(episodes):
    query, support = episodes
    spoilt = np.where(LABELS[..., None] < 0, np.nan, support)
    found = class_log_probabilities(query, support, LABELS, 6, 0.01)
    np.testing.assert_array_equal(
        class_log_probabilities(query, spoilt, LABELS, 6, 0.01), found
    )
    short = class_log_probabilities(
        query[1:2], support[1:2, [0, 1, 4]], LABELS[1:2, [0, 1, 4]], 6, 0.01
    )
    np.testing.assert_allclose(short[0], found[1], rtol=1e-5)


def test_a_task_without_support_is_uniform(episodes):
    empty = np.full((3, 6), -1)
    found = class_log_probabilities(*episodes, empty, 6, 0.1)
    np.testing.assert_allclose(tf.nn.softmax(found), 1 / 6, rtol=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.005])
def test_gradient_draws_query_and_support_together(episodes, temperature):
    query, support = episodes
    support = np.where(LABELS[..., None] < 0, np.nan, support)
    # The answer that is the least likely so far, if there is more than one.
    found = class_log_probabilities(query, support, LABELS, 6, temperature)
    answers = np.where(found > -1e29, -found, -np.inf).argmax(-1)

    def loss(q, s):
        logits = class_log_probabilities(q, s, LABELS, 6, temperature)
        return tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(answers, logits)
        )

    by_query, by_support = helpers.gradients(loss, query, support)
    assert np.isfinite(by_query).all()
    assert np.isfinite(by_support).all()
    assert np.abs(by_query).max() > 1e-3
    np.testing.assert_array_equal(by_support[LABELS < 0], 0)
    before, step = float(loss(query, support)), 0.1 * temperature
    assert float(loss(query - step * by_query, support)) < before
    assert float(loss(query, support - step * by_support)) < before


def test_half_precision_is_computed_in_float32(episodes):
    halves = [x.astype("float16") for x in episodes]
    found = class_log_probabilities(*halves, LABELS, 6, 0.1)
    assert found.dtype == "float32"
    exact = [x.astype("float32") for x in halves]
    np.testing.assert_array_equal(
        found, class_log_probabilities(*exact, LABELS, 6, 0.1)
    )


def test_it_compiles(episodes):
    tensors = [tf.constant(x) for x in (*episodes, LABELS)]
    np.testing.assert_allclose(
        helpers.compiled(lambda *x: class_log_probabilities(*x, 6, 0.1))(
            *tensors
        ),
        class_log_probabilities(*tensors, 6, 0.1),
        rtol=1e-4,
        atol=1e-4,
    )


# === Head


@pytest.mark.parametrize("with_context", [False, True])
def test_a_head_equals_an_episode(episodes, with_context):
    query, support = episodes[0][0], episodes[1][0]
    labels = LABELS[0]
    context = QueryContext(2) if with_context else None
    head = MatchingHead(6, 4, 5, 0.2, context)
    head.adapt(support, labels)
    changed = query
    if with_context:
        changed = context(query, support, labels)
    np.testing.assert_allclose(
        head(query),
        numpy_log_probabilities(np.array(changed), support, labels, 5, 0.2)
        .clip(-1e30)
        .astype("float32"),
        rtol=1e-4,
    )
    assert len(head.trainable_weights) == (3 if with_context else 0)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_a_head_takes_features_of_any_precision(episodes, dtype):
    head = MatchingHead(6, 4, 5, 0.2, QueryContext(2))
    head.adapt(episodes[1][0], LABELS[0])
    query = episodes[0][0].astype(dtype)
    found = head(query)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, head(query.astype("float32")), rtol=1e-3)


def test_a_head_answers_nothing_before_it_is_adapted(episodes):
    head = MatchingHead(6, 4, 5)
    np.testing.assert_allclose(np.exp(head(episodes[0][0])), 0)


@pytest.mark.parametrize("with_context", [False, True])
def test_a_head_is_saved_in_a_model(episodes, tmp_path, with_context):
    context = QueryContext(2) if with_context else None
    head = MatchingHead(6, 4, 5, 0.2, context)
    head.adapt(episodes[1][0], LABELS[0])
    model = keras.Sequential([keras.Input((4,)), head])
    assert model.output_shape == (None, 5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(episodes[0][0], verbose=0),
        model.predict(episodes[0][0], verbose=0),
    )


def test_a_support_must_fit_the_head(episodes):
    head = MatchingHead(6, 4, 3)
    with pytest.raises(ValueError, match="3 classes. Received a label of 4"):
        head.adapt(episodes[1][0], LABELS[0])
    with pytest.raises(ValueError, match=r"\(6, 4\). Received: \(5, 4\)"):
        head.adapt(episodes[1][0, :5], LABELS[0, :5])
