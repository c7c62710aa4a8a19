"""Normalization by the moments of a batch, with exact second derivatives.

`tf.nn.moments`, on which Keras' layers rest, stops the gradient at the mean
inside the variance. For a first derivative that changes nothing; a second one
comes out wrong. Here both derivatives are written down, which also takes
fewer passes over the activations than deriving twice automatically.
"""

import functools

import tensorflow as tf


def moments(x, axes):
    """Mean and biased variance, kept axes, to be derived automatically."""
    mean = tf.reduce_mean(x, axes, keepdims=True)
    return mean, tf.reduce_mean(tf.square(x - mean), axes, keepdims=True)


def normalized(x, gamma, beta, epsilon, axes):
    """Normalises a batch by its own mean and variance.

    Formula, with `m` the mean over `axes` and `r = (m((x - m(x))^2) +
    epsilon)^-1/2`:

        y = gamma * (x - m(x)) * r + beta

    With `c = x - m(x)`, `h = c r` and gradients `g` of `y`, `e` of the mean
    and `v` of the variance, and with `n` rows, the gradient of `x` is

        gamma r (g - m(g) - h m(g h)) + (e + 2 v c) / n

    and what it is derived to in turn is stated where it is computed.

    Args:
        x: Tensor, float32 or float64.
        gamma: Scale, in a shape that broadcasts, with axes of 1.
        beta: Offset, likewise.
        epsilon: Positive number.
        axes: List of the axes that are averaged.

    Returns:
        `(y, mean, variance)`, the moments with kept axes. They can be derived
        twice, not three times.
    """
    average = functools.partial(tf.reduce_mean, axis=axes, keepdims=True)

    @tf.custom_gradient
    def forward(x, gamma, beta):
        mean = average(x)
        centred = x - mean
        variance = average(tf.square(centred))
        inverse = tf.math.rsqrt(variance + epsilon)

        def gradient(*upstream):
            return _backward(x, gamma, centred, inverse, average, upstream)

        outputs = (gamma * inverse) * centred + beta
        return (outputs, mean, variance), gradient

    return forward(x, gamma, beta)


def _backward(x, gamma, centred, inverse, average, upstream):
    """The gradients of `x`, gamma and beta, which can be derived again."""

    @tf.custom_gradient
    def backward(x, gamma, to_y, to_mean, to_variance):
        rows = tf.cast(tf.size(x) // tf.size(gamma), x.dtype)
        scale = gamma * inverse
        mean = average(to_y)
        slope = average(to_y * centred) * inverse  # m(g h)
        to_x = (
            scale * to_y
            + (2.0 * to_variance / rows - scale * inverse * slope) * centred
            + (to_mean / rows - scale * mean)
        )

        def gradient(u, a, b):
            """Goes back from gradients of to_x, to_gamma and to_beta."""
            mean_u = average(u)
            slope_u = average(u * centred) * inverse  # m(u h)
            # m(u P(g)), where P(g) = g - m(g) - h m(g h)
            both = average(u * to_y) - mean_u * mean - slope_u * slope
            # F = n gamma r m(u P(g)) + m(u) e + 2 m(u c) v + a n m(g h) + b n
            # m(g), derived to x, gamma, g, e and v. On u, g and c:
            on_u = 2.0 * to_variance / rows - scale * inverse * slope
            on_y = inverse * (a - scale * slope_u)
            on_c = -inverse * (
                scale * inverse * (both - slope_u * slope)
                + slope * inverse * (a - scale * slope_u)
            )
            return (
                on_u * u
                + on_y * to_y
                + on_c * centred
                - (on_u * mean_u + on_y * mean),
                rows * inverse * both,
                scale * u
                + (inverse * (a - scale * slope_u)) * centred
                + (b - scale * mean_u),
                mean_u,
                2.0 * slope_u / inverse,
            )

        return (to_x, rows * slope, rows * mean), gradient

    return backward(x, gamma, *upstream)
