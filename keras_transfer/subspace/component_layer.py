"""What a layer implements that maps by components of a kernel."""

import abc

import numpy as np
from keras import ops

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.ops.distances import pairwise_squared_distances
from keras_transfer.ops.kernels import gaussian_mixture
from keras_transfer.subspace.arguments import positive_number
from keras_transfer.subspace.kernel_features import gaussian_features
from keras_transfer.subspace.kernel_features import linear_features
from keras_transfer.subspace.kernel_features import primal_features
from keras_transfer.subspace.subspace_layer import SubspaceLayer

KERNELS = ("primal", "linear", "gaussian")


class ComponentLayer(SubspaceLayer):
    """A `SubspaceLayer` of the components that `_components` finds.

    Formula, with `X` the rows of both domains, one map for either domain:

        primal, linear: x @ W
        gaussian:       k(x, X) @ W

    Args:
        dimensions: Number of components.
        kernel: `"primal"`, `"linear"` or `"gaussian"`.
        bandwidth: Of the Gaussian kernel.
        regularization: Positive number.
        whiten: Whether components are scaled to equal scatter.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(
        self,
        dimensions,
        kernel,
        bandwidth,
        regularization,
        whiten,
        **kwargs,
    ):
        checked_integer("dimensions", dimensions, least=1)
        positive_number("regularization", regularization)
        if kernel not in KERNELS:
            raise unknown_name("kernel", kernel, KERNELS)
        if bandwidth is not None:
            positive_number("bandwidth", bandwidth)
            if kernel != "gaussian":
                raise invalid_argument(
                    "bandwidth", bandwidth, f"None with kernel={kernel!r}"
                )
        super().__init__(**kwargs)
        self.dimensions = int(dimensions)
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.regularization = float(regularization)
        self.whiten = whiten

    @abc.abstractmethod
    def _components(self, features, num_source, source_labels):
        """Columns that map features to components.

        Args:
            features: float64 array `(rows of both domains, r)`: those of the
                source, then those of the target.
            num_source: Number of rows of the source.
            source_labels: What the user gave, unchecked.

        Returns:
            Pair of columns `(r, dimensions)` and the scatter of each.
        """

    def _fit(self, source, target, source_labels):
        rows = np.concatenate([source, target])
        if self.kernel == "gaussian":
            features, bandwidth = gaussian_features(rows, self.bandwidth)
        elif self.kernel == "linear":
            features, to_features = linear_features(rows)
        else:
            features, to_features = primal_features(rows)
        columns, scatters = self._components(
            features, len(source), source_labels
        )
        if self.whiten:
            columns = columns / np.sqrt(scatters)
        if self.kernel != "gaussian":
            return {"kernel": to_features @ columns}
        return {
            "rows": rows,
            "coefficients": columns,
            "bandwidth": np.array([bandwidth]),
        }

    def _map(self, inputs, state, domain):
        if self.kernel != "gaussian":
            return ops.matmul(inputs, state["kernel"])
        squared = pairwise_squared_distances(inputs, state["rows"])
        similarities = gaussian_mixture(squared, state["bandwidth"])
        similarities = ops.cast(similarities, state["coefficients"].dtype)
        return ops.matmul(similarities, state["coefficients"])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.dimensions)

    def get_config(self):
        return {
            **super().get_config(),
            "dimensions": self.dimensions,
            "kernel": self.kernel,
            "bandwidth": self.bandwidth,
            "regularization": self.regularization,
            "whiten": self.whiten,
        }
