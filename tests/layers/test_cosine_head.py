"""Scaled cosines: formula, scale, and what does not matter."""

import keras
import numpy as np
import pytest

import keras_transfer as kt
from tests import helpers

pytestmark = pytest.mark.any_backend


def numpy_cosines(x, kernel):
    x, kernel = x.astype("float64"), kernel.astype("float64")
    dots = (x[:, :, None] * kernel[None]).sum(axis=1)
    lengths = np.sqrt((x**2).sum(1)[:, None] * (kernel**2).sum(0)[None])
    return dots / lengths


@pytest.fixture
def features(generator):
    return generator.normal(size=(6, 4)).astype("float32")


@pytest.mark.parametrize("learn_scale", [True, False])
def test_logits_equal_numpy(features, learn_scale):
    head = kt.layers.CosineHead(3, scale=7.0, learn_scale=learn_scale)
    logits = helpers.to_numpy(head(features))
    expected = 7.0 * numpy_cosines(features, head.get_weights()[0])
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert np.abs(expected).max() > 1.0


def test_lengths_of_features_and_columns_do_not_matter(features, generator):
    head = kt.layers.CosineHead(3)
    logits = helpers.to_numpy(head(features))
    lengths = generator.uniform(0.01, 100.0, (6, 1)).astype("float32")
    np.testing.assert_allclose(head(features * lengths), logits, atol=1e-4)
    head.kernel.assign(helpers.to_numpy(head.kernel) * [[0.1, 3.0, 50.0]])
    np.testing.assert_allclose(head(features), logits, atol=1e-4)


def test_scale_is_a_weight_if_learnt(features):
    learnt = kt.layers.CosineHead(3, scale=7.0)
    fixed = kt.layers.CosineHead(3, scale=7.0, learn_scale=False)
    learnt(features), fixed(features)
    assert [len(head.weights) for head in (learnt, fixed)] == [2, 1]
    fixed.set_weights(learnt.get_weights()[:1])
    before = helpers.to_numpy(learnt(features))
    np.testing.assert_allclose(before, fixed(features), rtol=1e-6)
    learnt.trainable_weights[1].assign(14.0)
    np.testing.assert_allclose(learnt(features), 2 * before, rtol=1e-5)


def test_gradient_turns_columns_and_does_not_stretch_them(features):
    head = kt.layers.CosineHead(3)
    head(features)
    labels = np.array([0, 1, 2, 0, 1, 2])

    def loss():
        return keras.ops.mean(
            keras.losses.sparse_categorical_crossentropy(
                labels, head(features), from_logits=True
            )
        )

    kernel, scale = head.trainable_variables
    by_kernel, by_scale = helpers.gradients_of_variables(loss, [kernel, scale])
    along = (by_kernel * helpers.to_numpy(kernel)).sum(axis=0)
    np.testing.assert_allclose(along, 0, atol=1e-5)
    assert np.abs(by_kernel).max() > 1e-3
    before = float(loss())
    kernel.assign(helpers.to_numpy(kernel) - 0.01 * by_kernel)
    assert float(loss()) < before
    assert np.abs(by_scale) > 1e-4


def test_scale_grows_where_all_answers_are_right():
    head = kt.layers.CosineHead(2)
    x = np.array([[1.0, 0.1], [0.1, 1.0]], "float32")
    head(x)
    head.kernel.assign(np.eye(2))

    def loss():
        return keras.ops.sum(
            keras.losses.sparse_categorical_crossentropy(
                np.array([0, 1]), head(x), from_logits=True
            )
        )

    (by_scale,) = helpers.gradients_of_variables(
        loss, head.trainable_variables[1:]
    )
    assert by_scale < 0


def test_a_feature_of_zeros_has_zero_logits_and_no_nan():
    head = kt.layers.CosineHead(3)
    zeros = np.zeros((2, 4), "float32")
    np.testing.assert_array_equal(head(zeros), 0)
    (gradient,) = helpers.gradients(lambda x: keras.ops.sum(head(x)), zeros)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_half_precision_of_features_is_all_that_is_lost(features, half, inside):
    """Squares of these features are beyond 65504."""
    keras.config.set_dtype_policy(f"mixed_{half}")
    head = kt.layers.CosineHead(3, scale=1.001)
    halves = keras.ops.cast(features * 1e4, half)
    model = keras.Sequential([keras.Input((4,)), head]) if inside else head
    logits = model(halves)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    exact = helpers.to_numpy(keras.ops.cast(halves, "float32"))
    expected = 1.001 * numpy_cosines(exact, head.get_weights()[0])
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert head(keras.Input((4,))).dtype == "float32"


def test_features_of_float32_are_not_cast_to_halves(features):
    head = kt.layers.CosineHead(3, dtype="mixed_bfloat16")
    logits = helpers.to_numpy(head(features))
    expected = 10.0 * numpy_cosines(features, head.get_weights()[0])
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_any_leading_axes(generator):
    x = generator.normal(size=(2, 5, 4)).astype("float32")
    head = kt.layers.CosineHead(3)
    logits = helpers.to_numpy(head(x))
    assert logits.shape == (2, 5, 3)
    np.testing.assert_allclose(logits[1], head(x[1]), atol=1e-5)


@pytest.mark.parametrize("num_classes", [0, 1.5, None])
def test_wrong_number_of_classes_is_refused(num_classes):
    with pytest.raises(ValueError, match="`num_classes`.*positive integer"):
        kt.layers.CosineHead(num_classes)


@pytest.mark.parametrize("scale", [0, -1.0, np.inf, np.nan, "learnt"])
def test_wrong_scale_is_refused(scale):
    with pytest.raises(ValueError, match="`scale`.*positive number"):
        kt.layers.CosineHead(3, scale=scale)
