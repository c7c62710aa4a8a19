"""Ridge regression on embedded examples."""

import keras
import numpy as np
import pytest
import sklearn.linear_model
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.meta import ridge_head
from keras_transfer.meta.ridge_head import RidgeHead
from keras_transfer.ops.prototypes import ABSENT
from tests import helpers


def encoder(width=3, **kwargs):
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(width, **kwargs)]
    )


def episode(generator, tasks=2, ways=3, shots=2, queries=4):
    x = {
        part: generator.normal(size=(tasks, rows, 4)).astype("float32")
        for part, rows in (("support", ways * shots), ("query", queries))
    }
    labels = np.repeat(np.arange(ways, dtype="int32"), shots)
    return x["support"], np.tile(labels, (tasks, 1)), x["query"]


def outputs(model, support, labels, query):
    logits = model.episode_outputs(
        tf.constant(support), tf.constant(labels), tf.constant(query), False
    )
    assert logits.dtype == "float32"
    return logits.numpy()


def numpy_weights(features, targets, penalty):
    """The other form of the formula, in features instead of examples."""
    gram = features.T @ features + penalty * np.eye(features.shape[1])
    return np.linalg.inv(gram) @ features.T @ targets


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (6, 6)])
def test_weights_equal_numpy_and_scikit_learn(generator, shape):
    features = generator.normal(size=shape)
    targets = np.eye(3)[generator.integers(0, 3, shape[0])]
    found = ridge_head.ridge_weights(features, tf.constant(targets), 0.3)
    expected = numpy_weights(features, targets, 0.3)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    peer = sklearn.linear_model.Ridge(alpha=0.3, fit_intercept=False)
    np.testing.assert_allclose(
        found, peer.fit(features, targets).coef_.T, atol=1e-10
    )


def test_logits_are_those_of_the_formula(generator):
    model = RidgeHead(encoder(), penalty=0.5, scale=4.0)
    model._shift.assign(0.25)
    support, labels, query = episode(generator)
    found = outputs(model, support, labels, query)
    for task in range(2):
        features = model.encoder(support[task]).numpy().astype("float64")
        weights = numpy_weights(features, np.eye(3)[labels[task]], 0.5)
        expected = 4.0 * model.encoder(query[task]).numpy() @ weights + 0.25
        np.testing.assert_allclose(found[task, :, :3], expected, atol=1e-4)
    assert (found[..., 3:] == ABSENT).all()


def test_order_of_the_support_and_names_of_classes_do_not_matter(generator):
    model = RidgeHead(encoder())
    support, labels, query = episode(generator)
    found = outputs(model, support, labels, query)
    order = generator.permutation(6)
    shuffled = outputs(model, support[:, order], labels[:, order], query)
    np.testing.assert_allclose(found, shuffled, atol=1e-5)
    renamed = outputs(model, support, (labels + 1) % 3, query)
    np.testing.assert_allclose(
        found[..., :3], renamed[..., [1, 2, 0]], atol=1e-5
    )


def test_a_task_sees_no_other_and_no_padding(generator):
    model = RidgeHead(encoder())
    support, labels, query = episode(generator)
    found = outputs(model, support, labels, query)
    alone = outputs(model, support[1:], labels[1:], query[1:])
    np.testing.assert_allclose(found[1:], alone, atol=1e-5)
    padded = np.concatenate([support, np.full_like(support[:, :2], 7)], 1)
    with_padding = outputs(
        model,
        padded,
        np.pad(labels, ((0, 0), (0, 2)), constant_values=-1),
        query,
    )
    np.testing.assert_allclose(found[..., :3], with_padding[..., :3], atol=1e-5)
    assert (with_padding[..., 3:] == ABSENT).all()


def test_gradients_equal_differences():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(4, 3))
    targets = tf.constant(np.eye(2)[[0, 1, 1, 0]])

    def loss(x, penalty):
        weights = ridge_head.ridge_weights(x, targets, penalty)
        return tf.reduce_sum(weights**2)

    found = helpers.gradients(loss, features, np.array(0.4))
    for position, argument in enumerate((features, np.array(0.4))):
        others = [tf.constant(features), tf.constant(0.4, "float64")]

        def of_one(value, position=position, others=others):
            given = [*others[:position], tf.constant(value)]
            return float(loss(*given, *others[position + 1 :]))

        np.testing.assert_allclose(
            found[position],
            helpers.numeric_gradient(of_one, argument),
            rtol=1e-4,
            atol=1e-7,
        )


def test_large_features_stay_finite(generator):
    model = RidgeHead(encoder(width=40), penalty=1e-3)
    support, labels, query = episode(generator, ways=5, shots=5)
    support[:, 1] = support[:, 0]  # a singular Gram matrix
    found = outputs(model, 1e4 * support, labels, 1e4 * query)
    assert np.isfinite(found).all()


def clusters(generator):
    labels = np.repeat(np.arange(8), 10)
    centers = generator.normal(size=(8, 4)) * 2
    noise = generator.normal(size=(80, 4)) * 0.5
    return (centers[labels] + noise).astype("float32"), labels


def test_fit_trains_encoder_and_scalars(generator):
    x, y = clusters(generator)
    episodes = kt.data.episodes(
        x, y, ways=4, shots=2, queries=4, tasks=2, steps_per_epoch=30
    )
    model = RidgeHead(encoder())
    before = [v.numpy() for v in model.trainable_variables]
    assert len(before) == 5
    model.compile(keras.optimizers.Adam(0.02))
    history = model.fit(episodes, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    moved = [
        np.abs(v.numpy() - old).max()
        for v, old in zip(model.trainable_variables, before, strict=True)
        if "shift" not in v.name  # a softmax does not see it
    ]
    assert min(moved) > 1e-3
    assert float(model.current_penalty) > 0


def test_without_learning_only_the_encoder_trains():
    model = RidgeHead(encoder(), learn=False)
    assert len(model.trainable_variables) == 2


def test_adapt_gives_the_same_answers(generator):
    model = RidgeHead(encoder(), penalty=0.2)
    support, labels, query = episode(generator, tasks=1)
    plain = model.adapt(support[0], labels[0])
    np.testing.assert_allclose(
        plain(query[0]),
        outputs(model, support, labels, query)[0, :, :3],
        atol=1e-4,
    )


def test_saving(generator, tmp_path):
    model = RidgeHead(encoder(), penalty=0.2, scale=3.0)
    model._log_penalty.assign(0.7)
    support, labels, query = episode(generator)
    expected = outputs(model, support, labels, query)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config()["penalty"] == 0.2
    np.testing.assert_array_equal(
        expected, outputs(loaded, support, labels, query)
    )


def test_half_precision(generator):
    half = encoder(dtype="mixed_bfloat16")
    model = RidgeHead(half)
    assert np.isfinite(outputs(model, *episode(generator))).all()
    assert model._scale.dtype == "float32"


@pytest.mark.parametrize(
    "arguments", [{"penalty": 0.0}, {"penalty": "1"}, {"scale": -1.0}]
)
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        RidgeHead(encoder(), **arguments)
