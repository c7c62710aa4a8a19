"""The comparison of maps."""

import keras
import numpy as np
import pytest

from keras_transfer.meta import relation_module
from keras_transfer.meta.relation_module import RelationModule
from tests import helpers


def numpy_convolution(maps, kernel):
    rows, height, width, _ = maps.shape
    wide = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    result = np.zeros((rows, height, width, kernel.shape[-1]))
    for i in range(3):
        for j in range(3):
            part = wide[:, i : i + height, j : j + width]
            result += part @ kernel[i, j]
    return result


def numpy_pool(maps):
    rows, height, width, filters = maps.shape
    if min(height, width) < 2:
        return maps
    height, width = height // 2, width // 2
    blocks = maps[:, : 2 * height, : 2 * width].reshape(
        rows, height, 2, width, 2, filters
    )
    return blocks.max(axis=(2, 4))


def numpy_module(module, pairs):
    """As in the paper: convolution, batch norm, ReLU, pooling; inference."""
    half = pairs.shape[-1] // 2
    kernels = [
        helpers.to_numpy(layer.kernel)
        for layer in (
            module.class_convolution,
            module.query_convolution,
            module.convolution,
        )
    ]
    assert kernels[0].shape[2] == half
    x = pairs
    for kernel, norm in zip(
        (np.concatenate(kernels[:2], axis=2), kernels[2]),
        module.norms,
        strict=True,
    ):
        gamma, beta, mean, variance = (
            helpers.to_numpy(weight)
            for weight in (
                norm.gamma,
                norm.beta,
                norm.moving_mean,
                norm.moving_variance,
            )
        )
        x = numpy_convolution(x, kernel)
        x = (x - mean) / np.sqrt(variance + norm.epsilon) * gamma + beta
        x = numpy_pool(np.maximum(x, 0))
    x = x.reshape(len(x), -1)
    for layer in (module.hidden, module.score):
        x = x @ helpers.to_numpy(layer.kernel) + helpers.to_numpy(layer.bias)
        x = np.maximum(x, 0) if layer is module.hidden else x
    return 1 / (1 + np.exp(-x))


def module_with_statistics(generator, shape, **arguments):
    """A module whose weights are far from their initial ones."""
    module = RelationModule(**arguments)
    module.build(shape)
    for weight in module.weights:
        values = generator.normal(size=weight.shape) * 0.4
        if "variance" in weight.path:
            values = 0.5 + values**2
        weight.assign(values)
    return module


@pytest.mark.parametrize("side", [1, 2, 3, 5, 7])
def test_it_equals_numpy(generator, side):
    pairs = generator.normal(size=(4, side, side, 6)).astype("float32")
    module = module_with_statistics(generator, pairs.shape, filters=5, units=3)
    scores = module(pairs)
    assert scores.shape == (4, 1)
    np.testing.assert_allclose(
        scores, numpy_module(module, pairs), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("training", [False, True])
def test_all_pairs_equal_joined_maps(generator, training):
    classes = generator.normal(size=(4, 5, 5, 3)).astype("float32")
    queries = generator.normal(size=(2, 6, 5, 5, 3)).astype("float32")
    tasks = np.array([0, 1, 1, 1])
    module = module_with_statistics(
        generator, (None, 5, 5, 6), filters=5, units=3
    )
    start = module.get_weights()
    found, states = [], []
    # The module itself, and what is done with any other model.
    wrapped = keras.Sequential([keras.Input((5, 5, 6)), module])
    for relation in (module, wrapped):
        module.set_weights(start)
        found.append(
            relation_module.compare(
                relation, classes, queries, tasks, training
            ).numpy()
        )
        states.append(module.get_weights())
    assert found[0].shape == (4, 6)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-6)
    changed = 0
    for one, other, before in zip(*states, start, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        changed += np.abs(one - before).max() > 1e-3
    assert changed == (4 if training else 0)
    if not training:
        expected = [
            numpy_module(
                module,
                np.stack([np.concatenate([c, q], -1) for q in queries[task]]),
            )[:, 0]
            for c, task in zip(classes, tasks, strict=True)
        ]
        np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-6)


def test_initial_weights_are_those_of_the_authors():
    module = RelationModule()
    module.build((None, 5, 5, 128))
    deviation = np.sqrt(2 / (9 * 64))
    for layer in (
        module.class_convolution,
        module.query_convolution,
        module.convolution,
    ):
        assert layer.kernel.shape == (3, 3, 64, 64)
        assert np.std(layer.kernel) == pytest.approx(deviation, rel=0.03)
        assert layer.bias is None
    assert module.hidden.kernel.shape == (64, 8)
    assert module.score.kernel.shape == (8, 1)
    for layer in (module.hidden, module.score):
        assert np.std(layer.kernel) < 0.03
        np.testing.assert_array_equal(layer.bias, 1)
    # The halves of one kernel are drawn apart.
    first, second = (
        np.array(layer.kernel).ravel()
        for layer in (module.class_convolution, module.query_convolution)
    )
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_gradient_raises_scores(generator):
    pairs = generator.normal(size=(6, 5, 5, 6)).astype("float32")
    module = RelationModule(filters=5, units=3)
    module.build(pairs.shape)

    def loss():
        return keras.ops.mean((module(pairs, training=True) - 1.0) ** 2)

    found = helpers.gradients_of_variables(loss, module.trainable_weights)
    assert all(np.abs(gradient).max() > 0 for gradient in found)
    before = float(loss())
    for weight, gradient in zip(module.trainable_weights, found, strict=True):
        weight.assign_sub(gradient)
    assert float(loss()) < before


def test_scores_are_not_rounded_under_mixed_precision(generator):
    pairs = generator.normal(size=(6, 5, 5, 6)).astype("float32")
    module = RelationModule(filters=5, units=3, dtype="mixed_float16")
    scores = module(pairs)
    assert scores.dtype == "float32"
    assert module.class_convolution.compute_dtype == "float16"


@pytest.mark.parametrize("shape", [(None, None, None, 6), (None, 5, 5, 7)])
def test_maps_must_be_of_known_size(shape):
    with pytest.raises(ValueError, match="two maps of known size"):
        RelationModule().build(shape)


@pytest.mark.parametrize(
    "arguments", [{"filters": 0}, {"units": 0}, {"units": 1.5}]
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="positive integer"):
        RelationModule(**arguments)


def test_a_relation_must_fit_the_encoder():
    relation_module.check(RelationModule(), (5, 5, 3))
    model = keras.Sequential(
        [
            keras.Input((5, 5, 6)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    with pytest.raises(ValueError, match=r"one score.*returns \(None, 2\)"):
        relation_module.check(model, (5, 5, 3))
    with pytest.raises(ValueError, match=r"joined to \(None, 5, 5, 8\)"):
        relation_module.check(model, (5, 5, 4))
    with pytest.raises(ValueError, match="`relation`.*a keras.Model"):
        relation_module.check("deep", (5, 5, 3))
