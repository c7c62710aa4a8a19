"""Matching networks."""

import keras
import numpy as np
import pytest

from keras_transfer.meta.episodic_trainer import EpisodicTrainer
from keras_transfer.meta.matching_network import MatchingNetwork
from tests import helpers
from tests.meta import clusters
from tests.meta.test_matching_head import numpy_log_probabilities
from tests.meta.test_query_context import numpy_query_context
from tests.meta.test_support_context import numpy_support_context

with_or_without_context = pytest.mark.parametrize("full_context", [False, True])


def encoder(width=5):
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(width),
        ]
    )


def network(full_context=False, **arguments):
    return MatchingNetwork(
        encoder(), full_context, processing_steps=2, seed=3, **arguments
    )


@pytest.fixture
def inputs(generator):
    data = clusters.episodes(generator, ways=(2, 4), shots=(1, 3), tasks=3)
    return clusters.batch(data)[0]


def numpy_network(model, inputs, task):
    """Log-probabilities of one task, `(queries, classes)`."""
    labels = helpers.to_numpy(inputs["support_labels"])[task]
    support, query = (
        helpers.to_numpy(model.encoder(inputs[part][task]))
        for part in ("support", "query")
    )
    used = labels >= 0
    if model.full_context:
        weights = [helpers.to_numpy(w) for w in model.query_context.weights]
        support = np.where(used[:, None], support, 0)
        support[used] = numpy_support_context(
            model.support_context, support[used]
        )
        query = numpy_query_context(weights, query, support[used], steps=2)
    return numpy_log_probabilities(
        query, support, labels, len(labels), model.temperature
    )


@with_or_without_context
def test_outputs_equal_numpy(inputs, full_context):
    model = network(full_context, temperature=0.3)
    found = model(inputs).numpy()
    assert found.shape == (3, 12, 12)
    for task in range(3):
        expected = numpy_network(model, inputs, task).clip(-1e30)
        np.testing.assert_allclose(found[task], expected, rtol=1e-4, atol=1e-4)


@with_or_without_context
def test_the_loss_is_minus_the_mean_log_probability(generator, full_context):
    data = clusters.episodes(
        generator, ways=(2, 4), shots=(1, 3), steps_per_epoch=1
    )
    inputs, answers = clusters.batch(data)
    model = network(full_context)
    model.compile("adam")
    loss, accuracy = model.evaluate(data, verbose=0)
    found = np.concatenate(
        [numpy_network(model, inputs, task) for task in range(len(answers))]
    )
    answers = answers.reshape(-1)
    valid = answers >= 0
    assert 0 < valid.sum() < valid.size
    picked = found[np.arange(len(answers)), answers.clip(0)]
    assert loss == pytest.approx(-picked[valid].mean(), rel=1e-4)
    hits = found.argmax(-1) == answers
    assert accuracy == pytest.approx(hits[valid].mean(), abs=1e-5)


def test_order_of_the_support_does_not_matter_without_context(
    inputs, generator
):
    model = network()
    np.testing.assert_allclose(
        model(clusters.permuted(inputs, generator)),
        model(inputs),
        rtol=1e-4,
        atol=1e-5,
    )


@with_or_without_context
def test_other_numbers_of_classes_permute_the_columns(inputs, full_context):
    model = network(full_context)
    numbers = np.arange(12)
    numbers[:4] = [3, 0, 1, 2]
    renamed = model(clusters.renamed(inputs, numbers)).numpy()[..., numbers]
    np.testing.assert_allclose(renamed, model(inputs), rtol=1e-4, atol=1e-5)


@with_or_without_context
def test_padding_changes_nothing(inputs, full_context):
    model = network(full_context)
    found = model(clusters.padded(inputs)).numpy()
    assert found.shape == (3, 12, 15)
    np.testing.assert_allclose(
        found[..., :12], model(inputs), rtol=1e-4, atol=1e-5
    )


@with_or_without_context
def test_a_task_does_not_see_the_others(inputs, full_context):
    model = network(full_context)
    alone = model(clusters.task(inputs, 1))
    np.testing.assert_allclose(alone[0], model(inputs)[1], rtol=1e-4, atol=1e-5)


@with_or_without_context
def test_it_learns(generator, full_context):
    model = network(full_context, learn_temperature=True)
    model.compile(keras.optimizers.Adam(0.03))
    before = [weight.numpy() for weight in model.trainable_weights]
    history = model.fit(
        clusters.episodes(generator), epochs=4, verbose=0
    ).history
    assert len(before) == (14 if full_context else 5)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(weight.numpy() - old).max() > 1e-3, weight.path
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert history["accuracy"][-1] > 0.8


def test_a_step_shuffles_the_support_only_with_context(inputs):
    for full_context in (False, True):
        model = network(full_context)
        calls = {
            model(inputs, training=True).numpy().tobytes() for _ in range(4)
        }
        assert (len(calls) > 1) == full_context


@with_or_without_context
def test_an_adapted_classifier_answers_as_in_an_episode(
    generator, full_context
):
    x, y = clusters.rows(generator, classes=3, examples=5)
    order = generator.permutation(15)
    x, y = x[order], y[order]
    query = clusters.rows(generator)[0][:7]
    model = network(full_context, temperature=0.2)
    episode = model(
        {
            "support": x[None],
            "support_labels": y[None].astype("int32"),
            "query": query[None],
        }
    )
    classifier = model.adapt(x, y)
    assert classifier.output_shape == (None, 3)
    np.testing.assert_allclose(
        classifier.predict(query, verbose=0),
        episode[0, :, :3],
        rtol=1e-4,
        atol=1e-5,
    )


def test_an_adapted_classifier_is_a_plain_model(generator, tmp_path):
    x, y = clusters.rows(generator, classes=3, examples=5)
    model = network(full_context=True, learn_temperature=True)
    model._log_temperature.assign(np.log(0.5))
    classifier = model.adapt(x, y)
    assert not isinstance(classifier, EpisodicTrainer)
    assert classifier.layers[-1].temperature == pytest.approx(0.5)
    # The encoder itself, and the attention LSTM.
    held = {id(weight) for weight in classifier.weights}
    assert {id(weight) for weight in model.encoder.weights} <= held
    classifier.save(tmp_path / "classifier.keras")
    loaded = keras.models.load_model(tmp_path / "classifier.keras")
    answers = classifier.predict(x, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), answers)
    classifier.export(str(tmp_path / "export"), verbose=False)
    import tensorflow as tf

    served = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(served.serve(x), answers, atol=1e-5)


@with_or_without_context
def test_it_is_saved(inputs, tmp_path, full_context):
    model = MatchingNetwork(
        encoder(), full_context, 3, temperature=0.3, learn_temperature=True
    )
    model(inputs, training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    # Also the state of what shuffles the support.
    np.testing.assert_array_equal(
        loaded(inputs, training=True), model(inputs, training=True)
    )
    assert loaded.get_config()["processing_steps"] == 3
    assert loaded.seed == model.seed


@with_or_without_context
def test_mixed_precision_ends_in_float32(inputs, full_context):
    keras.config.set_dtype_policy("mixed_float16")
    model = network(full_context)
    found = model(inputs)
    assert found.dtype == "float32"
    np.testing.assert_allclose(np.exp(found).sum(-1), 1, rtol=1e-4)
    keras.config.set_dtype_policy("float32")
    exact = network(full_context)
    exact.set_weights(model.get_weights())
    np.testing.assert_allclose(
        np.exp(found), np.exp(exact(inputs)), rtol=0, atol=0.1
    )


def test_evaluation_of_many_episodes(generator):
    data = clusters.episodes(generator, ways=5, shots=1)
    scores = network().evaluate_episodes(data, 20, verbose=False)
    assert scores["moving"].num_episodes == 20
    assert 0.2 < scores["moving"].mean <= 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"temperature": 0}, "`temperature`.*positive number"),
        ({"temperature": "hot"}, "`temperature`.*positive number"),
        ({"temperature": np.inf}, "`temperature`.*positive number"),
        ({"processing_steps": 0}, "`processing_steps`.*positive integer"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MatchingNetwork(encoder(), **arguments)


def test_the_encoder_returns_rows_of_features():
    maps = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="one output .batch, width."):
        MatchingNetwork(maps)


@pytest.mark.parametrize(
    "labels, message",
    [([0, 1, -1], "must be 0, 1"), ([0, 1], "need labels of shape")],
)
def test_a_wrong_support_is_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        network().adapt(np.ones((3, 6)), labels)
