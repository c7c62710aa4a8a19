"""Gradients and compiled calls that read the same on every backend."""

import keras
import numpy as np

#: What the issue of every formula is compared at.
TOLERANCE = 1e-5


def to_numpy(x):
    """A tensor as a NumPy array."""
    return keras.ops.convert_to_numpy(x)


def gradients(function, *arrays):
    """Gradients of a scalar function of arrays, as NumPy arrays.

    State that the function changes (metrics, counters) is left as it was.

    Args:
        function: Takes as many tensors as arrays are given; returns a scalar.
        *arrays: Arrays or tensors.

    Returns:
        A list of arrays, one for each argument; zeros where the function does
        not depend on an argument.
    """

    def without_side_effects(*tensors):
        with keras.StatelessScope(collect_losses=True):
            return function(*tensors)

    if keras.backend.backend() == "jax":
        import jax

        positions = tuple(range(len(arrays)))
        arrays = [keras.ops.convert_to_tensor(array) for array in arrays]
        found = jax.grad(without_side_effects, positions)(*arrays)
    else:
        import tensorflow as tf

        tensors = [tf.convert_to_tensor(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = without_side_effects(*tensors)
        found = tape.gradient(
            value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
    return [to_numpy(gradient) for gradient in found]


def gradients_of_variables(function, variables):
    """Gradients of a scalar function without arguments, for variables."""

    def of_values(*values):
        pairs = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return function()

    return gradients(of_values, *[v.value for v in variables])


def compiled(function):
    """The function, compiled by XLA."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def numeric_gradient(function, array, step=1e-5):
    """Central differences of a NumPy function of a float64 array."""
    array = np.array(array, dtype="float64")
    result = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        forward, backward = array.copy(), array.copy()
        forward[index] += step
        backward[index] -= step
        result[index] = (function(forward) - function(backward)) / (2 * step)
    return result


def two_domains(generator, rows=12, target_rows=None, width=5, dtype="float32"):
    """A source and a target batch of features that differ in all moments."""
    source = generator.normal(size=(rows, width))
    target = generator.normal(size=(target_rows or rows, width)) * 1.5 + 0.5
    return source.astype(dtype), target.astype(dtype)
