"""Memory-augmented networks: sequences, few-shot answers, files."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.layers.memory_cell import LeastRecentlyUsedMemoryCell
from keras_transfer.meta import memory_augmented_network
from keras_transfer.meta.memory_augmented_network import MemoryAugmentedNetwork
from tests import helpers
from tests.layers.test_memory_cell import NumpyCell
from tests.meta import clusters

WIDTH, WAYS = 6, 4


def small_cell(units=7, **options):
    return LeastRecentlyUsedMemoryCell(
        units, num_slots=9, slot_width=5, num_heads=2, **options
    )


def network(encoder=None, cell=None, ways=WAYS, **arguments):
    if encoder is None:
        arguments["example_shape"] = (WIDTH,)
    trainer = MemoryAugmentedNetwork(
        encoder, ways, cell or small_cell(sharpness=4.0), seed=3, **arguments
    )
    trainer.compile(keras.optimizers.Adam(0.01))
    return trainer


def encoder():
    return keras.Sequential(
        [
            keras.Input((WIDTH,)),
            keras.layers.Dense(5),
            keras.layers.BatchNormalization(momentum=0.5),
        ]
    )


@pytest.fixture
def sequence(generator):
    """Two tasks of 8 steps, the second of 6 and padding."""
    labels = np.array([[0, 3, 1, 0, 2, 1, 3, 0], [1, 0, 1, 1, 0, 2, -1, -1]])
    examples = generator.normal(size=(2, 8, WIDTH)).astype("float32")
    return {"examples": examples, "labels": labels.astype("int32")}


# === Sequences ===


def test_logits_equal_numpy(sequence):
    trainer = network()
    found = trainer(sequence).numpy()
    assert found.shape == (2, 8, WAYS)
    kernel, bias = trainer.classifier.get_weights()
    for task in range(2):
        twin, late = NumpyCell(trainer.cell), np.zeros(WAYS)
        for step, label in enumerate(sequence["labels"][task]):
            example = sequence["examples"][task, step]
            output = twin.step(np.concatenate([example, late]))
            expected = output @ kernel + bias
            np.testing.assert_allclose(found[task, step], expected, atol=1e-4)
            late = np.eye(WAYS)[label] if label >= 0 else np.zeros(WAYS)


def test_no_step_sees_its_own_label(sequence):
    trainer = network()
    before = trainer(sequence).numpy()
    labels = sequence["labels"].copy()
    labels[0, 4] = 1
    after = trainer({**sequence, "labels": labels}).numpy()
    np.testing.assert_array_equal(after[0, :5], before[0, :5])
    assert np.abs(after[0, 5] - before[0, 5]).max() > 1e-4
    np.testing.assert_array_equal(after[1], before[1])


def test_padding_changes_no_step_before_it(sequence):
    trainer = network()
    expected = trainer(sequence).numpy()[1, :6]
    alone = tf.nest.map_structure(lambda leaf: leaf[1:, :6], sequence)
    np.testing.assert_allclose(trainer(alone)[0], expected, atol=1e-5)


def test_the_loss_is_the_mean_over_real_steps(generator):
    trainer = network()
    data = clusters.episodes(
        generator, ways=(2, WAYS), shots=(1, 2), steps_per_epoch=1
    )
    rows = memory_augmented_network.sequence_rows(next(iter(data)), (0, 0))
    inputs, labels, weights = (tf.nest.map_structure(np.array, r) for r in rows)
    logits = trainer(inputs).numpy()
    logits = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    valid = inputs["labels"] >= 0
    assert not valid.all()
    chosen = np.take_along_axis(logits, labels[..., None], -1)[..., 0]
    result = trainer.evaluate(data, verbose=0, return_dict=True)
    np.testing.assert_allclose(result["loss"], -chosen[valid].mean(), rtol=1e-5)
    hits = (logits.argmax(-1) == labels)[valid]
    np.testing.assert_allclose(result["accuracy"], hits.mean(), rtol=1e-5)
    np.testing.assert_array_equal(weights > 0, valid)


def test_a_step_moves_all_weights_and_lowers_the_loss(generator):
    trainer = network(encoder())
    trainer.compile(keras.optimizers.SGD(0.1))
    data = clusters.episodes(generator, tasks=4, steps_per_epoch=1)
    before = [np.array(w) for w in trainer.trainable_weights]
    losses = trainer.fit(data, epochs=9, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    for old, new in zip(before, trainer.trainable_weights, strict=True):
        assert np.abs(old - new).max() > 0, new.path


@pytest.mark.slow
def test_it_binds_labels_to_what_it_sees(generator):
    """Labels mean another class each time: only the memory can know them."""
    cell = small_cell(
        32, write_key="separate", least_used="per_head", sharpness=10.0
    )
    trainer = network(cell=cell, ways=2)
    settings = {"ways": 2, "shots": 1, "queries": 4, "fixed": False}
    data = clusters.episodes(
        generator, tasks=16, steps_per_epoch=300, **settings
    )
    trainer.fit(data, verbose=0)
    scores = trainer.evaluate_showings(data, 200, (1, 2, 5), verbose=False)
    # The second class is told by elimination when it comes first.
    assert 0.65 < scores[1].mean < 0.85
    assert scores[2].mean > 0.85
    assert scores[5].mean > 0.9


def test_the_order_is_another_in_each_step_of_training(generator, monkeypatch):
    trainer = network()
    batch = next(iter(clusters.episodes(generator)))
    for step in ("train_step", "test_step"):
        monkeypatch.setattr(keras.Model, step, lambda _, rows: rows)
    train = [trainer.train_step(batch)[1].numpy() for _ in range(2)]
    test = [trainer.test_step(batch)[1].numpy() for _ in range(2)]
    assert (train[0] != train[1]).any()
    np.testing.assert_array_equal(test[0], test[1])


# === Showings ===


def test_evaluate_showings(generator):
    trainer = network()
    data = clusters.episodes(generator, tasks=3, shots=1, queries=2)
    scores = trainer.evaluate_showings(data, 29, (3, 1, 2), verbose=False)
    assert list(scores) == [3, 1, 2]
    assert all(score.num_episodes == 29 for score in scores.values())
    assert scores[1].statistics == "none"
    values = np.mean([scores[k].values for k in (1, 2, 3)], axis=0)
    x, y, _ = memory_augmented_network.sequence_rows(next(iter(data)), (0, 0))
    hits = trainer(x).numpy().argmax(-1) == y.numpy()
    np.testing.assert_allclose(values[:3], hits.mean(axis=1), rtol=1e-6)


def test_showings_that_do_not_happen(generator):
    data = clusters.episodes(generator, shots=1, queries=2)
    with pytest.raises(ValueError, match="from 1 to shots"):
        network().evaluate_showings(data, 2, (1, 4), verbose=False)


# === Support, then queries ===


@pytest.fixture
def episodes(generator):
    return clusters.episodes(generator, ways=(2, WAYS), shots=(1, 3), tasks=3)


def test_a_query_is_the_next_step_after_the_support(episodes):
    trainer = network(encoder())
    inputs, _ = clusters.batch(episodes)
    found = trainer(inputs).numpy()
    support, labels = trainer_order(inputs)
    for task in range(3):
        shown = labels[task] >= 0
        for query in range(0, found.shape[1], 3):
            logits = trainer(
                {
                    "examples": np.concatenate(
                        [
                            support[task, shown],
                            inputs["query"][task, query : query + 1],
                        ]
                    )[None],
                    "labels": np.append(labels[task, shown], -1)[None],
                }
            ).numpy()[0, -1]
            known = np.unique(labels[task, shown])
            np.testing.assert_allclose(
                found[task, query, known], logits[known], atol=1e-5
            )
            absent = np.setdiff1d(np.arange(WAYS), known)
            assert (found[task, query, absent] == np.float32(-1e30)).all()


def trainer_order(inputs):
    """The support in the order in which the network shows it."""
    examples, labels = memory_augmented_network.sequences.shuffled(
        inputs["support"], inputs["support_labels"], (0, 0)
    )
    return examples.numpy(), labels.numpy()


def test_no_query_sees_another(episodes):
    trainer = network(encoder())
    inputs, _ = clusters.batch(episodes)
    expected = trainer(inputs).numpy()
    some = {**inputs, "query": inputs["query"][:, 4:6]}
    np.testing.assert_allclose(trainer(some), expected[:, 4:6], atol=1e-5)


def test_evaluate_episodes_and_predict(episodes):
    trainer = network(encoder())
    assert trainer.predict(episodes.take(2), verbose=0).shape == (6, 12, WAYS)
    scores = trainer.evaluate_episodes(episodes, 5, verbose=False)
    assert list(scores) == ["moving"]
    inputs, labels = clusters.batch(episodes)
    hits = trainer(inputs).numpy().argmax(-1) == labels
    valid = labels >= 0
    expected = [h[v].mean() for h, v in zip(hits, valid, strict=True)]
    np.testing.assert_allclose(scores["moving"].values[:3], expected, rtol=1e-6)


def test_adapt_gives_a_plain_model_with_the_same_answers(generator, tmp_path):
    trainer = network(encoder())
    inputs, _ = clusters.batch(clusters.episodes(generator, ways=3, tasks=1))
    expected = trainer(inputs).numpy()[0, :, :3]
    support, labels = inputs["support"][0], inputs["support_labels"][0]
    classifier = trainer.adapt(support, labels)
    query = inputs["query"][0]
    np.testing.assert_allclose(classifier(query), expected, atol=1e-5)
    trainer.cell.bias.assign_add(tf.ones_like(trainer.cell.bias))
    np.testing.assert_allclose(classifier(query), expected, atol=1e-5)
    classifier.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(query), classifier(query))
    classifier.export(str(tmp_path / "export"), verbose=False)
    served = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(served.serve(query), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 1, 4], "labels 0 to 3"), ([0, 1, -1], "0, 1, ... in one axis")],
)
def test_adapt_to_wrong_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        network().adapt(np.zeros((3, WIDTH)), np.array(labels))


# === Keras ===


def test_a_file_brings_back_weights_and_order(generator, tmp_path):
    data = clusters.episodes(generator, steps_per_epoch=2)
    trainer = network(encoder())
    trainer.fit(data, verbose=0)
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.models.load_model(tmp_path / "trainer.keras")
    assert loaded.cell.get_config() == trainer.cell.get_config()
    for model in (trainer, loaded):
        model.fit(data, verbose=0)
    for old, new in zip(trainer.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(
            helpers.to_numpy(old), helpers.to_numpy(new)
        )


def test_flat_examples_come_back_too(sequence, tmp_path):
    trainer = MemoryAugmentedNetwork(
        ways=WAYS, cell=small_cell(), example_shape=(WIDTH,)
    )
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.models.load_model(tmp_path / "trainer.keras")
    np.testing.assert_array_equal(loaded(sequence), trainer(sequence))


@pytest.mark.parametrize(
    "policy",
    ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)],
)
def test_half_precision_in_the_encoder(generator, policy):
    keras.config.set_dtype_policy(policy)
    trainer = network(encoder())
    assert trainer.encoder.compute_dtype == policy.removeprefix("mixed_")
    data = clusters.episodes(generator, steps_per_epoch=4)
    history = trainer.fit(data, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert trainer.cell.compute_dtype == "float32"
    assert all(w.dtype == "float32" for w in trainer.trainable_weights)


def test_the_size_of_the_published_network():
    trainer = MemoryAugmentedNetwork(
        cell=LeastRecentlyUsedMemoryCell(), example_shape=(20, 20, 1)
    )
    # LSTM on 400 pixels, 5 labels, 4 reads of 40; keys and gates; answers.
    lstm = (400 + 5 + 200 + 160 + 1) * 800
    assert trainer.count_params() == lstm + 201 * 4 * 41 + 361 * 5
    assert trainer.cell.num_slots == 128


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either an `encoder`"),
        ({"encoder": encoder(), "example_shape": (6,)}, "either an `encoder`"),
        ({"example_shape": (6,), "ways": 0}, "positive integer"),
        ({"example_shape": (6,), "cell": keras.layers.LSTMCell(3)}, "`cell`"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MemoryAugmentedNetwork(**arguments)


def test_weights_of_steps_are_refused(episodes):
    x, y = next(iter(episodes))
    with pytest.raises(ValueError, match="no weights"):
        memory_augmented_network.sequence_rows((x, y, 1.0), (0, 0))
