"""Kernels on squared distances."""

from keras import ops


def gaussian_mixture(squared_distances, bandwidths):
    """Mean of Gaussian kernels of several widths.

    Formula:

        k(D) = mean_u exp(-D / (2 * bandwidth_u^2))

    Args:
        squared_distances: Tensor of any shape.
        bandwidths: Tensor of shape `(num_kernels,)`, positive, in the unit of
            the (unsquared) distances.

    Returns:
        Tensor of the shape of `squared_distances`, between 0 and 1.

    Example:

    >>> from keras_transfer import ops
    >>> ops.gaussian_mixture([[0.0]], [0.5, 1.0]).numpy()
    array([[1.]], dtype=float32)
    """
    squared_distances = ops.convert_to_tensor(squared_distances)
    precisions = 0.5 / ops.square(ops.cast(bandwidths, squared_distances.dtype))
    # One kernel at a time: a stacked (..., num_kernels) tensor costs more
    # memory and no less time.
    kernels = [
        ops.exp(-precisions[index] * squared_distances)
        for index in range(precisions.shape[0])
    ]
    return sum(kernels[1:], kernels[0]) / len(kernels)
