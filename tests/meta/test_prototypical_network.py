"""Prototypical networks against the paper's formula."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import keras_transfer as kt
from tests import helpers
from tests.meta import small_episodes as small
from tests.meta import test_encoders

each_distance = pytest.mark.parametrize("distance", ["euclidean", "cosine"])
LABELS = np.array([[0, 0, 1, 1, 2, 2], [2, 1, 0, 0, 1, 2]], "int32")
QUERY_LABELS = np.array([[0, 1, 2], [2, 2, 0]], "int32")


def numpy_logits(support, labels, query, distance, temperature=1.0):
    """Snell et al. 2017, eq. 1 and the exponent of eq. 2, for one task."""
    support, query = support.astype("float64"), query.astype("float64")
    scores = np.full((len(query), len(support)), -1e30)
    for k in set(labels.tolist()) - {-1}:
        prototype = support[labels == k].sum(axis=0) / (labels == k).sum()
        for i, x in enumerate(query):
            if distance == "euclidean":
                score = -(x - prototype) @ (x - prototype)
            else:
                lengths = np.linalg.norm(x) * np.linalg.norm(prototype)
                score = x @ prototype / lengths
            scores[i, k] = score / temperature
    return scores


def dense(kernel=None):
    """A linear encoder; what it computes can be written down."""
    model = keras.Sequential(
        [keras.Input((small.WIDTH,)), layers.Dense(3, use_bias=False)]
    )
    if kernel is not None:
        model.set_weights([kernel])
    return model


@pytest.fixture
def batch(generator):
    """Examples of two tasks."""
    rows = generator.normal(size=(2, 9, small.WIDTH)).astype("float32")
    return {"support": rows[:, :6], "query": rows[:, 6:]}


def _logits(network, batch, labels=LABELS, training=False):
    logits = network.episode_outputs(
        tf.constant(batch["support"]),
        tf.constant(labels),
        tf.constant(batch["query"]),
        training,
    )
    return helpers.to_numpy(logits)


# === The formula ===


@each_distance
def test_logits_equal_numpy(batch, distance):
    encoder = small.encoder()
    network = kt.meta.PrototypicalNetwork(encoder, distance, temperature=0.3)
    found = _logits(network, batch)
    assert found.shape == (2, 3, 6)
    for task in range(2):
        expected = numpy_logits(
            encoder.predict(batch["support"][task], verbose=0),
            LABELS[task],
            encoder.predict(batch["query"][task], verbose=0),
            distance,
            0.3,
        )
        np.testing.assert_allclose(found[task], expected, rtol=1e-5, atol=1e-5)
        assert (found[task, :, 3:] == -1e30).all()


def _numpy_loss(kernel, batch):
    values = []
    for task in range(2):
        scores = numpy_logits(
            batch["support"][task] @ kernel,
            LABELS[task],
            batch["query"][task] @ kernel,
            "euclidean",
        )
        total = np.log(np.exp(scores).sum(axis=1))
        right = np.take_along_axis(scores, QUERY_LABELS[task][:, None], 1)
        values.extend(total - right[:, 0])
    return np.mean(values)


def _step(network, batch):
    """One step on a batch; returns its loss."""
    y = {"support": LABELS, "query": QUERY_LABELS}
    data = tf.data.Dataset.from_tensors((batch, y))
    return network.fit(data, verbose=0).history["loss"][0]


def test_a_step_goes_down_the_gradient_of_the_formula(batch, generator):
    kernel = generator.normal(size=(small.WIDTH, 3)).astype("float32")
    network = small.network(dense(kernel))
    network.compile(keras.optimizers.SGD(0.01))
    losses = [_step(network, batch)]
    assert losses[0] == pytest.approx(_numpy_loss(kernel, batch), rel=1e-5)
    gradient = helpers.numeric_gradient(
        lambda kernel: _numpy_loss(kernel, batch), kernel
    )
    assert np.abs(gradient).max() > 0.1
    np.testing.assert_allclose(
        small.weights(network)[0], kernel - 0.01 * gradient, atol=1e-5
    )
    losses += [_step(network, batch) for _ in range(4)]
    assert (np.diff(losses) < 0).all()


# === Invariances ===


def test_order_of_the_support_does_not_matter(batch, generator):
    network = small.network()
    order = generator.permutation(6)
    mixed = {**batch, "support": batch["support"][:, order]}
    np.testing.assert_allclose(
        _logits(network, mixed, LABELS[:, order]),
        _logits(network, batch),
        rtol=1e-5,
        atol=1e-5,
    )


def test_numbers_of_classes_are_names(batch):
    network = small.network()
    renamed = np.array([2, 0, 1], "int32")
    found = _logits(network, batch, renamed[LABELS])
    np.testing.assert_allclose(
        found[..., renamed], _logits(network, batch)[..., :3], rtol=1e-5
    )


@each_distance
def test_a_task_sees_no_other_and_a_query_no_other(batch, distance):
    network = small.network(distance=distance)
    expected = _logits(network, batch)
    other = {part: rows.copy() for part, rows in batch.items()}
    other["support"][1] = 100.0
    other["query"][1] = -100.0
    other["query"][0, 1:] = 50.0
    np.testing.assert_allclose(
        _logits(network, other)[0, 0], expected[0, 0], rtol=1e-5
    )


@each_distance
@pytest.mark.parametrize("rubbish", [0.0, 1e3, np.nan])
def test_padding_changes_nothing(batch, distance, rubbish):
    network = small.network(distance=distance)
    more = np.full((2, 2, small.WIDTH), rubbish, "float32")
    padded = {
        part: np.concatenate([rows, more], axis=1)
        for part, rows in batch.items()
    }
    found = _logits(
        network,
        padded,
        np.pad(LABELS, [(0, 0), (0, 2)], "constant", constant_values=-1),
    )
    np.testing.assert_allclose(
        found[:, :3, :6], _logits(network, batch), rtol=1e-5, atol=1e-5
    )
    assert (found[:, :3, 6:] == -1e30).all()


# === Temperature ===


@pytest.mark.parametrize("learn", [True, False])
def test_temperature_is_trained_if_wanted(learn):
    network = small.network(
        distance="cosine", temperature=0.5, learn_temperature=learn
    )
    network.fit(small.episodes(), epochs=3, verbose=0)
    temperature = float(network.head.current_temperature)
    if learn:
        assert abs(temperature - 0.5) > 0.01
        assert temperature > 0
    else:
        assert temperature == 0.5
    x, y = small.arrays()
    adapted = network.adapt(x[:24], y[:24])
    assert adapted.layers[-1].temperature == pytest.approx(temperature)


def test_too_sharp_a_temperature_grows():
    """Sign: where queries are far from sure, the logits become flatter."""
    network = small.network(temperature=0.01, learn_temperature=True)
    network.fit(
        small.episodes(small.arrays(spread=5.0)[0]), epochs=3, verbose=0
    )
    assert float(network.head.current_temperature) > 0.01


# === Adapting ===


@pytest.mark.parametrize("kind", test_encoders.KINDS)
def test_adapted_model_answers_as_the_episode(kind, generator, tmp_path):
    make, inputs = test_encoders.KINDS[kind]
    network = small.network(make())
    x, y = small.arrays()
    support, labels, query = x[:36], y[:36], x[36:50]
    before = small.weights(network)
    classifier = network.adapt(inputs(support), labels)
    found = classifier.predict(inputs(query), verbose=0)
    expected = network.episode_outputs(
        inputs(support[None]),
        labels[None].astype("int32"),
        inputs(query[None]),
        training=False,
    )[0, :, :3]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    for one, other in zip(before, small.weights(network), strict=True):
        np.testing.assert_array_equal(one, other)
    classifier.save(tmp_path / "classifier.keras")
    loaded = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_allclose(
        loaded.predict(inputs(query), verbose=0), found, atol=1e-5
    )


def test_a_class_is_added_to_an_adapted_model():
    network = small.network()
    x, y = small.arrays(spread=0.1)
    classifier = network.adapt(x[:24], y[:24])
    new = x[24:36]
    features = network.encoder.predict(new, verbose=0)
    assert classifier.layers[-1].add_class(features) == 2
    assert (np.argmax(classifier(new), axis=-1) == 2).all()
    assert (np.argmax(classifier(x[:24]), axis=-1) == y[:24]).all()


# === Training ===


def test_more_ways_in_training_than_in_test():
    network = small.network()
    network.fit(
        small.episodes(ways=6, shots=1, steps_per_epoch=5),
        epochs=2,
        verbose=0,
        validation_data=small.episodes(ways=2, shots=4, fixed=True),
    )
    for ways, shots in ((2, 1), (5, 3)):
        data = small.episodes(ways=ways, shots=shots, tasks=5)
        assert network.evaluate(data, verbose=0)[1] > 0.6
        assert network.predict(data, verbose=0).shape == (
            *(15, ways * 3),
            ways * shots,
        )
        scores = network.evaluate_episodes(data, 20, verbose=False)["moving"]
        assert scores.mean > 0.6


@pytest.mark.slow
@each_distance
def test_it_learns_to_tell_unseen_classes_apart(distance):
    """Which features matter is learnt; the classes of the test are new."""
    generator = np.random.default_rng(0)
    signal = generator.normal(size=(60, 1, 3)).repeat(20, 1)
    noise = 3 * generator.normal(size=(60, 20, 7))
    x = np.concatenate([signal, noise], -1).astype("float32")
    x, y = x.reshape(-1, 10), np.arange(60).repeat(20)
    train, test = kt.data.split_classes(
        y, [list(range(40)), list(range(40, 60))]
    )
    encoder = keras.Sequential([keras.Input((10,)), layers.Dense(6)])
    network = small.network(
        encoder, distance=distance, temperature=0.3, learn_temperature=True
    )
    unseen = kt.data.episodes(
        x[test], y[test], ways=5, queries=5, tasks=20, fixed=True
    )
    before = network.evaluate_episodes(unseen, 200, verbose=False)["moving"]
    episodes = kt.data.episodes(
        x[train], y[train], ways=10, queries=5, tasks=4, steps_per_epoch=200
    )
    network.fit(episodes, verbose=0)
    after = network.evaluate_episodes(unseen, 200, verbose=False)["moving"]
    assert before.mean < 0.5
    assert after.mean > 0.85


# === Keras ===


def test_it_comes_back_from_a_file(batch, tmp_path):
    network = small.network(
        small.encoder(dropout=0.3),
        distance="cosine",
        temperature=0.2,
        learn_temperature=True,
    )
    network.fit(small.episodes(), verbose=0)
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(
        _logits(loaded, batch), _logits(network, batch)
    )
    assert loaded.head.distance == "cosine"
    for trainer in (network, loaded):  # with the same masks of dropout
        trainer.fit(small.episodes(), epochs=2, verbose=0)
    pairs = zip(small.weights(network), small.weights(loaded), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy, batch):
    keras.config.set_dtype_policy(policy)
    encoder = small.encoder()
    keras.config.set_dtype_policy("float32")
    network = small.network(encoder, learn_temperature=True)
    before = small.weights(network)
    history = network.fit(small.episodes(), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    logits = network.episode_outputs(
        batch["support"] * 200, LABELS, batch["query"] * 200, False
    )
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.isfinite(logits).all()
    assert any(
        np.abs(one - other).max() > 1e-4
        for one, other in zip(before, small.weights(network), strict=True)
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"distance": "cosin"}, "Did you mean 'cosine'"),
        ({"temperature": 0}, "`temperature`.*positive"),
        ({"encoder": layers.Dense(3)}, "`encoder`.*keras.Model"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kt.meta.PrototypicalNetwork(**{"encoder": dense(), **arguments})
