"""Relation networks."""

import keras
import numpy as np
import pytest

from keras_transfer.meta.episodic_trainer import EpisodicTrainer
from keras_transfer.meta.relation_loss import RelationLoss
from keras_transfer.meta.relation_module import RelationModule
from keras_transfer.meta.relation_network import RelationNetwork
from tests import helpers
from tests.meta import clusters
from tests.meta.test_relation_module import module_with_statistics
from tests.meta.test_relation_module import numpy_module

SHAPE = (5, 5, 2)


def encoder(batch_norm=False):
    layers = [keras.Input(SHAPE), keras.layers.Conv2D(4, 3, use_bias=False)]
    if batch_norm:
        layers.append(keras.layers.BatchNormalization(momentum=0.5))
    return keras.Sequential([*layers, keras.layers.ReLU()])


def own_relation():
    """A model that a user might give."""
    return keras.Sequential(
        [
            keras.Input((3, 3, 8)),
            keras.layers.Conv2D(4, 3, activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


@pytest.fixture
def network(generator):
    module = module_with_statistics(
        generator, (None, 3, 3, 8), filters=4, units=3
    )
    return RelationNetwork(encoder(), module)


@pytest.fixture
def inputs(generator):
    data = clusters.episodes(
        generator, SHAPE, ways=(2, 4), shots=(1, 3), tasks=3
    )
    return clusters.batch(data)[0]


def numpy_network(model, inputs, task):
    labels = helpers.to_numpy(inputs["support_labels"])[task]
    support, query = (
        helpers.to_numpy(model.encoder(inputs[part][task]))
        for part in ("support", "query")
    )
    scores = np.zeros((len(query), len(labels)))
    for k in set(labels[labels >= 0]):
        class_map = np.broadcast_to(support[labels == k].sum(0), query.shape)
        pairs = np.concatenate([class_map, query], axis=-1)
        if isinstance(model.relation, RelationModule):
            scores[:, k] = numpy_module(model.relation, pairs)[:, 0]
        else:
            scores[:, k] = model.relation(pairs)[:, 0]
    return scores


def test_outputs_equal_numpy(network, inputs):
    found = network(inputs)
    assert found.shape == (3, 12, 12)
    for task in range(3):
        np.testing.assert_allclose(
            found[task], numpy_network(network, inputs, task), rtol=1e-4
        )


def test_outputs_of_another_relation_equal_numpy(inputs):
    model = RelationNetwork(encoder(), own_relation())
    found = model(inputs)
    for task in range(3):
        np.testing.assert_allclose(
            found[task], numpy_network(model, inputs, task), rtol=1e-4
        )


def test_the_loss_is_the_squared_error_of_real_queries(network, generator):
    data = clusters.episodes(
        generator, SHAPE, ways=(2, 4), shots=(1, 3), steps_per_epoch=1
    )
    inputs, answers = clusters.batch(data)
    network.compile("adam")
    assert isinstance(network.loss, RelationLoss)
    loss, accuracy = network.evaluate(data, verbose=0)
    scores = np.concatenate(
        [numpy_network(network, inputs, task) for task in range(len(answers))]
    )
    answers = answers.reshape(-1)
    valid = answers >= 0
    assert 0 < valid.sum() < valid.size
    expected = ((scores - np.eye(12)[answers]) ** 2).sum(-1)[valid].mean()
    assert loss == pytest.approx(expected, rel=1e-4)
    hits = (scores.argmax(-1) == answers)[valid].mean()
    assert accuracy == pytest.approx(hits, abs=1e-5)


def test_order_of_the_support_does_not_matter(network, inputs, generator):
    np.testing.assert_allclose(
        network(clusters.permuted(inputs, generator)),
        network(inputs),
        rtol=1e-4,
    )


def test_other_numbers_of_classes_permute_the_columns(network, inputs):
    numbers = np.arange(12)
    numbers[:4] = [3, 0, 1, 2]
    renamed = network(clusters.renamed(inputs, numbers)).numpy()
    np.testing.assert_allclose(
        renamed[..., numbers], network(inputs), rtol=1e-5
    )


def test_padding_changes_nothing(network, inputs):
    found = network(clusters.padded(inputs)).numpy()
    assert found.shape == (3, 12, 15)
    np.testing.assert_allclose(found[..., :12], network(inputs), rtol=1e-4)


def test_a_task_does_not_see_the_others(network, inputs):
    together = network(inputs)
    for index in range(3):
        alone = network(clusters.task(inputs, index))
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-4)
    wrong = {name: leaf.numpy() for name, leaf in inputs.items()}
    wrong["support_labels"] = wrong["support_labels"].copy()
    wrong["support_labels"][1, 0] = 12
    spoilt = network(wrong).numpy()
    assert np.isnan(spoilt[1]).all()
    np.testing.assert_array_equal(spoilt[[0, 2]], together.numpy()[[0, 2]])


def test_only_classes_that_are_there_count_in_batch_norm(generator):
    """Ten support rows of two classes: batch norm sees two, not ten."""
    data = clusters.episodes(generator, SHAPE, ways=2, shots=5, tasks=1)
    inputs, _ = clusters.batch(data)
    module = RelationModule(filters=4)
    model = RelationNetwork(encoder(), module)
    model(inputs, training=True)
    found = helpers.to_numpy(module.norms[0].moving_mean)
    support, query = (
        model.encoder(inputs[part][0]) for part in ("support", "query")
    )
    sums = [
        keras.ops.sum(support[5 * k : 5 * (k + 1)], axis=0) for k in range(2)
    ]
    means = [
        helpers.to_numpy(module.class_convolution(keras.ops.stack(sums))),
        helpers.to_numpy(module.query_convolution(query)),
    ]
    expected = sum(part.mean(axis=(0, 1, 2)) for part in means)
    np.testing.assert_allclose(found, 0.1 * expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("relation", [None, "own"])
def test_it_learns(generator, relation):
    relation = own_relation() if relation else RelationModule(filters=16)
    model = RelationNetwork(encoder(batch_norm=True), relation)
    model.compile(keras.optimizers.Adam(0.01, clipnorm=1.0))
    before = [weight.numpy() for weight in model.trainable_weights]
    data = clusters.episodes(generator, SHAPE, ways=3, queries=5)
    history = model.fit(data, epochs=5, verbose=0).history
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert np.abs(weight.numpy() - old).max() > 1e-3, weight.path
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert history["accuracy"][-1] > 0.7


def test_an_adapted_classifier_answers_as_in_an_episode(
    network, generator, tmp_path
):
    x, y = clusters.rows(generator, SHAPE, classes=3, examples=5)
    order = generator.permutation(15)
    x, y = x[order], y[order]
    query = clusters.rows(generator, SHAPE)[0][:7]
    episode = network(
        {
            "support": x[None],
            "support_labels": y[None].astype("int32"),
            "query": query[None],
        }
    )
    classifier = network.adapt(x, y)
    assert not isinstance(classifier, EpisodicTrainer)
    assert classifier.output_shape == (None, 3)
    answers = classifier.predict(query, verbose=0)
    np.testing.assert_allclose(answers, episode[0, :, :3], rtol=1e-4)
    held = {id(weight) for weight in classifier.weights}
    assert {id(weight) for weight in network.weights} <= held
    classifier.save(tmp_path / "classifier.keras")
    loaded = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_array_equal(loaded.predict(query, verbose=0), answers)
    classifier.export(str(tmp_path / "export"), verbose=False)
    import tensorflow as tf

    served = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(served.serve(query), answers, atol=1e-5)


@pytest.mark.parametrize("relation", [None, "own"])
def test_it_is_saved(inputs, tmp_path, relation):
    model = RelationNetwork(encoder(), own_relation() if relation else None)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))


def test_mixed_precision_ends_in_float32(generator):
    keras.config.set_dtype_policy("mixed_float16")
    model = RelationNetwork(encoder(batch_norm=True))
    data = clusters.episodes(generator, SHAPE, steps_per_epoch=1)
    found = model(clusters.batch(data)[0])
    assert found.dtype == "float32"
    assert np.isfinite(found).all()
    x, y = clusters.rows(generator, SHAPE, classes=3)
    assert model.adapt(x, y)(x).dtype == "float32"


def test_the_encoder_returns_maps():
    flat = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match="batch, height, width, filters"):
        RelationNetwork(flat)


def test_maps_of_unknown_size_need_another_relation():
    maps = keras.Sequential(
        [keras.Input((None, None, 1)), keras.layers.Conv2D(2, 3)]
    )
    with pytest.raises(ValueError, match="a `relation` of your own"):
        RelationNetwork(maps)
    model = keras.Sequential(
        [
            keras.Input((None, None, 4)),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    assert RelationNetwork(maps, model).relation is model


@pytest.mark.parametrize(
    "labels, message",
    [([0, 1, -1], "must be 0, 1"), ([0, 1], "need labels of shape")],
)
def test_a_wrong_support_is_refused(network, labels, message):
    with pytest.raises(ValueError, match=message):
        network.adapt(np.ones((3, *SHAPE)), labels)
