"""Adapting, serving and evaluating, by the trainer that is MAML."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_transfer as kt
from keras_transfer.meta import batch_statistics
from tests.meta import small_episodes as small
from tests.meta.small_maml import WAYS
from tests.meta.small_maml import batch
from tests.meta.small_maml import network
from tests.meta.small_maml import new_maml
from tests.meta.small_maml import one_task

# === Adapting ===


def test_adapt_makes_a_plain_model(tmp_path):
    model = network(0.5, batch_norm=True)
    maml = new_maml(model, inner_steps_at_test=3)
    x, y = batch()
    before = model.get_weights()
    adapted = maml.adapt(x["support"][0], y["support"][0])
    assert not adapted.compiled
    assert all(
        not type(layer).__module__.startswith("keras_transfer")
        for layer in adapted._flatten_layers()
    )
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    adapted.save(tmp_path / "adapted.keras")
    loaded = keras.saving.load_model(tmp_path / "adapted.keras")
    query = x["query"][0]
    np.testing.assert_allclose(adapted(query), loaded(query), atol=1e-6)
    labels = y["support"][0].numpy()
    logits = adapted(x["support"][0], training=False)
    plain = model(x["support"][0], training=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert loss(labels, logits) < loss(labels, plain)


@pytest.mark.parametrize("initialization", [None, "prototypes"])
def test_adapt_and_predict_equals_the_adapted_models(initialization):
    """Inside a graph that knows no sizes; padded rows change nothing."""
    maml = new_maml(
        network(0.5, batch_norm=True),
        inner_steps_at_test=2,
        initialization=initialization,
    )
    x, y = batch(small.episodes(shots=(1, 3)))
    assert np.any(y["support"] < 0)
    unknown = tf.TensorSpec((None, None, small.WIDTH), "float32")
    graph = tf.function(
        maml.adapt_and_predict,
        input_signature=[
            unknown,
            tf.TensorSpec((None, None), "int32"),
            unknown,
        ],
    )
    found = graph(x["support"], y["support"], x["query"])
    assert graph.get_concrete_function().structured_outputs.shape[-1] == WAYS
    expected = [
        maml.adapt(x["support"][task], y["support"][task])(x["query"][task])
        for task in range(2)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    alone = graph(x["support"][1:], y["support"][1:], x["query"][1:, :1])
    np.testing.assert_allclose(found[1:, :1], alone, atol=1e-5)
    cut = y["support"][1].numpy() >= 0
    bare = maml.adapt(x["support"][1][cut], y["support"][1][cut])
    np.testing.assert_allclose(bare(x["query"][1]), found[1], atol=1e-5)


def test_it_is_served(tmp_path):
    maml = new_maml(network(batch_norm=True), inner_steps_at_test=2)
    archive = keras.export.ExportArchive()
    archive.track(maml)
    archive.add_endpoint(
        "adapt_and_predict",
        maml.adapt_and_predict,
        [
            tf.TensorSpec((None, None, small.WIDTH), "float32"),
            tf.TensorSpec((None, None), "int32"),
            tf.TensorSpec((None, None, small.WIDTH), "float32"),
        ],
    )
    archive.write_out(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    x, y = batch()
    inputs = x["support"], y["support"], x["query"]
    np.testing.assert_allclose(
        served.adapt_and_predict(*inputs),
        maml.adapt_and_predict(*inputs),
        atol=1e-5,
    )


def test_steps_bring_the_loss_of_the_support_down():
    maml = new_maml(inner_learning_rate=0.5)
    x, y = one_task(*batch(), 0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = [
        float(
            loss(
                y["support"][0],
                maml.adapt(x["support"][0], y["support"][0], steps=steps)(
                    x["support"][0]
                ),
            )
        )
        for steps in (0, 1, 5, 20)
    ]
    assert losses == sorted(losses, reverse=True)


def test_plain_inputs_go_to_the_model():
    model = network(batch_norm=True)
    x = batch()[0]["query"][0]
    np.testing.assert_array_equal(new_maml(model)(x), model(x))


# === Evaluation ===


def test_evaluation_names_all_statistics():
    maml = new_maml(network(0.5, batch_norm=True))
    scores = maml.evaluate_episodes(small.episodes(), 6, verbose=False)
    assert tuple(scores) == batch_statistics.STATISTICS
    again = maml.evaluate_episodes(small.episodes(), 6, "support", False)
    np.testing.assert_array_equal(
        again["support"].values, scores["support"].values
    )
    plain = new_maml(network())
    scores = plain.evaluate_episodes(small.episodes(), 6, verbose=False)
    assert tuple(scores) == ("none",)


@pytest.mark.parametrize("statistics", batch_statistics.STATISTICS)
def test_evaluate_and_predict_agree(statistics):
    maml = new_maml(network(batch_norm=True), statistics=statistics)
    data = small.episodes(fixed=True, ways=(2, 3), shots=(1, 3))
    logits = maml.predict(data, verbose=0)
    labels = [y["query"].numpy() for _, y in data]
    of_batches = [
        np.mean((row.argmax(-1) == answers)[answers >= 0])
        for row, answers in zip(np.split(logits, 3), labels, strict=True)
    ]
    labels = np.concatenate(labels)
    assert logits.shape == (*labels.shape, WAYS)
    logs = maml.evaluate(data, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["accuracy"], np.mean(of_batches), atol=1e-6)
    scores = maml.evaluate_episodes(data, 6, statistics, verbose=False)
    of_tasks = [
        np.mean(row.argmax(-1)[known] == answers[known])
        for row, answers in zip(logits, labels, strict=True)
        for known in [answers >= 0]
    ]
    np.testing.assert_allclose(scores[statistics].values, of_tasks, atol=1e-6)


def test_regression_is_evaluated_by_its_loss(generator):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    maml = kt.meta.MAML(model, 0.1)
    maml.compile("sgd", "mse", metrics=["mae"])
    x = generator.normal(size=(8, 6, 2)).astype("float32")
    y = np.sum(x, -1, keepdims=True) - 5.0
    parts = [{"support": a[:, :3], "query": a[:, 3:]} for a in (x, y)]
    data = tf.data.Dataset.from_tensor_slices(tuple(parts)).batch(2)
    history = maml.fit(data, epochs=3, verbose=0).history
    assert set(history) == {"loss", "mae"}
    assert history["loss"][-1] < history["loss"][0]
    (scores,) = maml.evaluate_episodes(data, 8, verbose=False).values()
    assert scores.metric == "loss"
    outputs = maml.predict(data, verbose=0)
    errors = np.mean((outputs - parts[1]["query"]) ** 2, axis=(1, 2))
    np.testing.assert_allclose(scores.values, errors, rtol=1e-5)
    logs = maml.evaluate(data, verbose=0, return_dict=True)
    np.testing.assert_allclose(logs["loss"], errors.mean(), rtol=1e-5)


def test_bad_supports():
    maml = new_maml()
    with pytest.raises(ValueError, match="one label for each example"):
        maml.adapt(np.zeros((3, small.WIDTH)), np.zeros(2, "int32"))
    with pytest.raises(ValueError, match="steps"):
        maml.adapt(np.zeros((2, small.WIDTH)), np.zeros(2, "int32"), steps=-1)
