"""Softmax regression on embedded examples."""

import keras
import numpy as np
import pytest
import scipy.optimize
import sklearn.linear_model
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.meta import linear_head
from keras_transfer.meta.linear_head import LinearHead
from keras_transfer.ops.prototypes import ABSENT
from tests.meta.test_ridge_head import clusters
from tests.meta.test_ridge_head import encoder
from tests.meta.test_ridge_head import episode
from tests.meta.test_ridge_head import outputs

STEPS = 1000


def regression(features, labels, l2, steps=STEPS, classes=3):
    kernel, bias = linear_head.softmax_regression(
        tf.constant(features),
        tf.one_hot(labels, classes, dtype="float64"),
        l2,
        steps,
    )
    return np.concatenate([kernel.numpy(), bias.numpy()])


def numpy_loss(flat, features, labels, l2):
    ones = np.ones((len(features), 1))
    weights = flat.reshape(features.shape[1] + 1, -1)
    logits = np.concatenate([features, ones], 1) @ weights
    logits -= logits.max(1, keepdims=True)
    log_sums = np.log(np.exp(logits).sum(1))
    nll = log_sums - logits[np.arange(len(labels)), labels]
    return nll.mean() + l2 / 2 * (weights**2).sum()


@pytest.fixture
def task(generator):
    features = generator.normal(size=(12, 4)) * [1.0, 5.0, 0.2, 1.0]
    return features, np.array([0, 1, 2] * 4)


@pytest.mark.parametrize("l2", [0.3, 0.01])
def test_the_minimum_equals_numpy(task, l2):
    found = regression(*task, l2)
    best = scipy.optimize.minimize(
        numpy_loss,
        np.zeros(found.size),
        args=(*task, l2),
        method="BFGS",
        options={"gtol": 1e-7},
    )
    np.testing.assert_allclose(found, best.x.reshape(found.shape), atol=2e-4)


def test_the_minimum_equals_scikit_learn(task):
    features, labels = task
    peer = sklearn.linear_model.LogisticRegression(
        C=1 / (0.05 * 12), fit_intercept=False, tol=1e-9, max_iter=10000
    )
    ones = np.ones((12, 1))
    peer.fit(np.concatenate([features, ones], 1), labels)
    np.testing.assert_allclose(
        regression(features, labels, 0.05), peer.coef_.T, atol=1e-4
    )


@pytest.mark.parametrize("size", [1e-2, 1.0, 1e3])
def test_a_hundred_steps_come_close_for_features_of_any_size(task, size):
    features, labels = size * task[0], task[1]
    l2 = 0.01 * size**2
    values = [
        numpy_loss(
            regression(features, labels, l2, steps), features, labels, l2
        )
        for steps in (1, 100, STEPS)
    ]
    start = numpy_loss(np.zeros(15), features, labels, l2)
    assert start > values[0] > values[1] >= values[2] - 1e-9
    assert values[1] - values[2] < 0.02 * (start - values[2])


def test_episodes_equal_single_tasks(generator):
    model = LinearHead(encoder(), steps=50)
    support, labels, query = episode(generator)
    found = outputs(model, support, labels, query)
    for number in range(2):
        features = model.encoder(support[number]).numpy().astype("float64")
        weights = regression(features, labels[number], 0.01, steps=50)
        expected = model.encoder(query[number]).numpy() @ weights[:-1]
        np.testing.assert_allclose(
            found[number, :, :3], expected + weights[-1], atol=1e-4
        )
    assert (found[..., 3:] == ABSENT).all()


def test_order_of_the_support_and_names_of_classes_do_not_matter(generator):
    model = LinearHead(encoder())
    support, labels, query = episode(generator)
    found = outputs(model, support, labels, query)
    order = generator.permutation(6)
    shuffled = outputs(model, support[:, order], labels[:, order], query)
    np.testing.assert_allclose(found, shuffled, atol=1e-5)
    renamed = outputs(model, support, (labels + 1) % 3, query)
    np.testing.assert_allclose(
        found[..., :3], renamed[..., [1, 2, 0]], atol=1e-5
    )


def test_padding_changes_nothing(generator):
    model = LinearHead(encoder())
    support, labels, query = episode(generator)
    found = outputs(model, support, labels, query)
    padded = np.concatenate([support, np.full_like(support[:, :2], 7)], 1)
    with_padding = outputs(
        model,
        padded,
        np.pad(labels, ((0, 0), (0, 2)), constant_values=-1),
        query,
    )
    np.testing.assert_allclose(found[..., :3], with_padding[..., :3], atol=1e-5)
    assert (with_padding[..., 3:] == ABSENT).all()


def test_logits_move_towards_the_label(generator):
    model = LinearHead(encoder())
    support, labels, _ = episode(generator)
    logits = outputs(model, support, labels, support)
    own = np.take_along_axis(logits, labels[..., None], -1)[..., 0]
    assert (own > logits[..., :3].mean(-1)).all()


def test_evaluate_and_adapt(generator):
    x, y = clusters(generator)
    episodes = kt.data.episodes(x, y, ways=4, shots=5, queries=4, tasks=5)
    model = LinearHead(encoder(width=4))
    scores = model.evaluate_episodes(episodes, 20, verbose=False)["moving"]
    assert scores.mean > 0.8
    plain = model.adapt(x, y)
    assert (plain(x).numpy().argmax(-1) == y).mean() > 0.8
    assert type(plain.layers[-1]) is keras.layers.Dense


def test_saving(generator, tmp_path):
    model = LinearHead(encoder(), steps=7, l2=0.1)
    given = episode(generator)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert (loaded.steps, loaded.l2) == (7, 0.1)
    np.testing.assert_array_equal(
        outputs(model, *given), outputs(loaded, *given)
    )


@pytest.mark.parametrize(
    "arguments", [{"steps": 0}, {"l2": 0.0}, {"l2": float("inf")}]
)
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        LinearHead(encoder(), **arguments)
