import keras
import numpy as np
import pytest

from keras_transfer import ops
from tests import helpers

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("scale", [-2.5, 0.0, 0.1, 1.0, 3.0])
def test_forward_is_exact(scale, generator):
    x = (generator.normal(size=(50, 4)) * 1e3).astype("float32")
    value = helpers.to_numpy(ops.scale_gradient(x, scale))
    np.testing.assert_array_equal(value, x)


def test_forward_is_exact_for_tiny_and_huge_numbers():
    x = np.array([2e-38, -1e-20, 1e20, -3e38, 0.0], "float32")
    value = helpers.to_numpy(ops.reverse_gradient(x, 0.1))
    np.testing.assert_array_equal(value, x)


@pytest.mark.parametrize("scale", [-2.5, 0.0, 0.1, 1.0])
def test_gradient_is_scaled(scale, generator):
    x = generator.normal(size=(6, 2)).astype("float32")
    (found,) = helpers.gradients(
        lambda x: keras.ops.sum(ops.scale_gradient(x, scale) ** 3), x
    )
    np.testing.assert_allclose(found, scale * 3 * x**2, rtol=1e-6)


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_gradient_is_reversed(strength):
    x = np.ones((3, 2), "float32")
    (found,) = helpers.gradients(
        lambda x: keras.ops.sum(ops.reverse_gradient(x, strength)), x
    )
    np.testing.assert_array_equal(found, np.float32(-strength) * x)


def test_second_derivative():
    """d/dx of (dR(x)^3/dx) is the outer scale times that of the inner."""
    strength = 0.5
    x = np.array([2.0, -1.0], "float32")

    def first(x):
        reversed_x = ops.reverse_gradient(x, strength)
        return keras.ops.sum(reversed_x * reversed_x * reversed_x)

    if keras.backend.backend() == "jax":
        import jax

        second = jax.grad(lambda x: jax.grad(first)(x).sum())(x)
    else:
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                value = first(x)
            slope = inner.gradient(value, x)
        second = outer.gradient(slope, x)
    # slope = -s * 3 R(x)^2, and its derivative -s * 6 R(x) * (-s).
    np.testing.assert_allclose(second, strength**2 * 6 * x, rtol=1e-6)


def test_scale_as_a_tensor_gets_no_gradient():
    x = np.ones((3,), "float32")
    found = helpers.gradients(
        lambda x, scale: keras.ops.sum(ops.scale_gradient(x * 2.0, scale)),
        x,
        np.float32(0.5),
    )
    np.testing.assert_allclose(found[0], 1.0)
    assert found[1] == 0


def test_compiled_gradient_is_the_same():
    x = np.arange(4, dtype="float32")

    def reversed_sum(x):
        return keras.ops.sum(ops.reverse_gradient(x * x, 0.3))

    if keras.backend.backend() == "jax":
        import jax

        found = jax.jit(jax.grad(reversed_sum))(x)
    else:
        import tensorflow as tf

        def gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = reversed_sum(x)
            return tape.gradient(value, x)

        found = helpers.compiled(gradient)(tf.constant(x))
    np.testing.assert_allclose(found, -0.3 * 2 * x, rtol=1e-6)


def test_shape_and_dtype_are_kept():
    x = keras.ops.ones((2, 3, 4), "float16")
    value = ops.reverse_gradient(x, 0.3)
    assert tuple(value.shape) == (2, 3, 4)
    assert keras.backend.standardize_dtype(value.dtype) == "float16"
