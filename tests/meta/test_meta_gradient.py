"""The meta-gradient is the derivative of the loss after adaptation.

Every case is compared with central differences of a twin that is written by
hand and shares nothing with the engine.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.meta.maml import MAML
from tests.meta import adaptation_twin
from tests.meta import small_models
from tests.meta.adaptation_twin import RATE
from tests.meta.adaptation_twin import Twin
from tests.meta.small_maml import result

TASKS = 2
MOST_ERROR = 1e-4


@pytest.fixture(autouse=True)
def double_precision():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")


def _tasks(generator, model, ways=3, shots=2, queries=2):
    shape = model.input_shape[1:]
    x, y = {}, {}
    for part, count in (("support", shots), ("query", queries)):
        labels = np.tile(np.repeat(np.arange(ways), count), (TASKS, 1))
        x[part] = generator.normal(size=(*labels.shape, *shape))
        y[part] = labels.astype("int32")
    return x, y


def _disturbed(model, generator):
    for weight in model.weights:
        weight.assign(generator.uniform(0.1, 0.6, weight.shape))
    for weight in model.trainable_weights:
        weight.assign(weight + generator.normal(size=weight.shape) * 0.3)
    return model


def _result(maml, x, y, **arguments):
    x, y = keras.tree.map_structure(tf.convert_to_tensor, (x, y))
    return result(maml, x, y, **arguments)


def _assert_derivative(maml, function, x, y, generator, **arguments):
    """Compares with central differences along a random direction."""
    found = _result(maml, x, y, **arguments)
    np.testing.assert_allclose(found.loss, function(), rtol=1e-9)
    variables = maml.trainable_variables
    direction = [generator.normal(size=v.shape) for v in variables]
    numeric = adaptation_twin.along(function, variables, direction)
    exact = sum(
        np.sum(gradient * way)
        for gradient, way in zip(found.gradients, direction, strict=True)
    )
    assert abs(numeric) > 1e-3
    assert abs(exact - numeric) < MOST_ERROR * abs(numeric)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_dense_network(steps, generator):
    model = _disturbed(small_models.dense(), generator)
    x, y = _tasks(generator, model)
    maml = MAML(model, RATE, inner_steps=steps)
    twin = Twin(model, steps)
    _assert_derivative(maml, lambda: twin.mean_loss(x, y), x, y, generator)


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize(
    "statistics", ["transductive", "support_plus_one", "support", "moving"]
)
def test_convolution_with_batch_norm_and_max_pooling(
    steps, statistics, generator
):
    model = _disturbed(small_models.convolutional(), generator)
    x, y = _tasks(generator, model)
    maml = MAML(model, RATE, inner_steps=steps, statistics=statistics)
    twin = Twin(model, steps, statistics)
    _assert_derivative(maml, lambda: twin.mean_loss(x, y), x, y, generator)


@pytest.mark.parametrize("pooling", [True, False])
def test_convolution_without_batch_norm(pooling, generator):
    model = small_models.convolutional(batch_norm=False, pooling=pooling)
    model = _disturbed(model, generator)
    x, y = _tasks(generator, model)
    twin = Twin(model, 3)
    _assert_derivative(
        MAML(model, RATE, inner_steps=3),
        lambda: twin.mean_loss(x, y),
        x,
        y,
        generator,
    )


@pytest.mark.parametrize("steps", [1, 3])
def test_first_order_is_the_gradient_at_the_adapted_weights(steps, generator):
    model = _disturbed(small_models.convolutional(), generator)
    x, y = _tasks(generator, model)
    maml = MAML(model, RATE, inner_steps=steps, first_order=True)
    found = np.concatenate([np.ravel(g) for g in _result(maml, x, y).gradients])
    expected = Twin(model, steps).first_order_gradient(x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    second = MAML(model, RATE, inner_steps=steps)
    second = np.concatenate(
        [np.ravel(g) for g in _result(second, x, y).gradients]
    )
    assert not np.allclose(found, second, rtol=1e-2)


@pytest.mark.parametrize("kind", ["shared", "layer_and_step", "parameter"])
def test_learnt_rates(kind, generator):
    model = _disturbed(small_models.dense(), generator)
    x, y = _tasks(generator, model)
    maml = MAML(model, RATE, inner_steps=2, learn_inner_rates=kind)
    rates = maml.trainable_variables[len(model.trainable_variables) :]
    for rate in rates:
        rate.assign(generator.uniform(-0.1, 0.5, rate.shape))

    def rate_of(step, position):
        if kind == "shared":
            return rates[0]
        rate = rates[position]
        return rate[step] if kind == "layer_and_step" else rate

    twin = Twin(model, 2, rates=lambda *at: np.array(rate_of(*at)))
    _assert_derivative(maml, lambda: twin.mean_loss(x, y), x, y, generator)


def test_prototypes(generator):
    model = _disturbed(small_models.convolutional(), generator)
    x, y = _tasks(generator, model)
    x = {part: 0.3 * rows for part, rows in x.items()}
    maml = MAML(model, 0.05, inner_steps=2, initialization="prototypes")
    twin = Twin(model, 2, rates=lambda *_: 0.05, prototypes=True)
    _assert_derivative(maml, lambda: twin.mean_loss(x, y), x, y, generator)
    gradients = _result(maml, x, y).gradients
    # What is put in the place of the head's own weights leaves them out.
    assert not np.any(gradients[-2]) and not np.any(gradients[-1])


def test_head_alone(generator):
    model = _disturbed(small_models.dense(), generator)
    x, y = _tasks(generator, model)
    twin = Twin(model, 2, adapted=(2, 3))
    _assert_derivative(
        MAML(model, RATE, inner_steps=2, adapt="head"),
        lambda: twin.mean_loss(x, y),
        x,
        y,
        generator,
    )


def test_weighted_steps(generator):
    model = _disturbed(small_models.dense(), generator)
    x, y = _tasks(generator, model)
    weights = [0.2, 0.3, 0.5]
    twins = [Twin(model, steps) for steps in (1, 2, 3)]

    def loss():
        losses = [twin.mean_loss(x, y) for twin in twins]
        return np.dot(weights, losses)

    _assert_derivative(
        MAML(model, RATE, inner_steps=3),
        loss,
        x,
        y,
        generator,
        step_weights=tf.constant(weights, "float64"),
    )


def test_shared_layers(generator):
    inputs = keras.Input((4,))
    shared = keras.layers.Dense(4, activation="tanh")
    model = keras.Model(inputs, keras.layers.Dense(3)(shared(shared(inputs))))
    x, y = _tasks(generator, model)
    twin = Twin(model, 2)
    _assert_derivative(
        MAML(model, RATE, inner_steps=2),
        lambda: twin.mean_loss(x, y),
        x,
        y,
        generator,
    )


def test_nested_models_and_embeddings(generator):
    """Sparse gradients are second-order ones too."""
    body = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(6, 5),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.LayerNormalization(),
        ]
    )
    inputs = keras.Input((4,), dtype="int32")
    model = keras.Model(inputs, keras.layers.Dense(3)(body(inputs)))
    _, y = _tasks(generator, model)
    x = {
        part: generator.integers(0, 6, (*labels.shape, 4)).astype("int32")
        for part, labels in y.items()
    }
    twin = Twin(model, 2)
    _assert_derivative(
        MAML(model, RATE, inner_steps=2),
        lambda: twin.mean_loss(x, y),
        x,
        y,
        generator,
    )


def test_clipped_inner_gradients(generator):
    model = _disturbed(small_models.dense(), generator)
    x, y = _tasks(generator, model)
    free = MAML(model, RATE)
    clipped = MAML(model, RATE, inner_gradient_clip=1e-9)
    wide = MAML(model, RATE, inner_gradient_clip=1e9)
    plain = MAML(model, RATE, inner_steps=0)
    losses = [
        float(_result(maml, x, y).loss) for maml in (free, clipped, wide, plain)
    ]
    np.testing.assert_allclose(losses[0], losses[2], rtol=1e-12)
    np.testing.assert_allclose(losses[1], losses[3], rtol=1e-6)
    assert abs(losses[0] - losses[3]) > 1e-3


def test_a_task_does_not_see_the_others(generator):
    model = _disturbed(small_models.convolutional(), generator)
    x, y = _tasks(generator, model)
    maml = MAML(model, RATE)
    whole = _result(maml, x, y)
    parts = [
        _result(
            maml,
            {part: rows[task : task + 1] for part, rows in x.items()},
            {part: labels[task : task + 1] for part, labels in y.items()},
        )
        for task in range(TASKS)
    ]
    for name in ("loss", "gradients", "state"):
        alone = [getattr(part, name) for part in parts]
        if name == "loss":
            alone = [[value] for value in alone]
        together = getattr(whole, name)
        for mean, values in zip(
            together if name != "loss" else [together],
            zip(*alone, strict=True),
            strict=True,
        ):
            np.testing.assert_allclose(mean, np.mean(values, 0), atol=1e-12)


@pytest.mark.parametrize("statistics", ["transductive", "support"])
def test_padding_changes_nothing(statistics, generator):
    model = _disturbed(small_models.convolutional(), generator)
    x, y = _tasks(generator, model)
    maml = MAML(model, RATE, statistics=statistics)
    expected = _result(maml, x, y)
    order = {part: [0, -1, *range(1, y[part].shape[1]), -1] for part in y}
    padded_x, padded_y = {}, {}
    for part in x:
        padded_x[part] = x[part][:, order[part]]
        padded_y[part] = y[part][:, order[part]]
        for position in (1, -1):
            padded_x[part][:, position] = 99.0
            padded_y[part][:, position] = -1
    found = _result(maml, padded_x, padded_y)
    np.testing.assert_allclose(found.loss, expected.loss)
    for ours, theirs in zip(found.gradients, expected.gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)
    for ours, theirs in zip(found.state, expected.state, strict=True):
        np.testing.assert_allclose(ours, theirs)
    np.testing.assert_array_equal(found.outputs.numpy()[:, [1, -1]], 0.0)
    kept = [0, *range(2, y["query"].shape[1] + 1)]
    np.testing.assert_allclose(found.outputs.numpy()[:, kept], expected.outputs)
