"""What a layer implements whose two sides are affine maps."""

import abc

from keras import ops

from keras_transfer.subspace.subspace_layer import DOMAINS
from keras_transfer.subspace.subspace_layer import SubspaceLayer

PARTS = ("kernel", "bias")


class AffineSubspaceLayer(SubspaceLayer):
    """A `SubspaceLayer` whose sides are one matrix product each.

    Formula, with `W` and `b` those of the domain:

        outputs = x @ W + b

    A new one implements `_fit_affine`, and `get_config` where it has
    arguments.

    Args:
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`.

    Output shape: `(rows, output width)`.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> class MeanShift(kt.subspace.AffineSubspaceLayer):
    ...     def _fit_affine(self, source, target, source_labels):
    ...         shift = target.mean(axis=0) - source.mean(axis=0)
    ...         return (np.eye(source.shape[1]), shift), None
    >>> layer = MeanShift()
    >>> layer.adapt(np.array([[0.0], [2.0]]), np.array([[5.0], [7.0]]))
    >>> layer(np.array([[2.0]]), domain="source").numpy()
    array([[7.]], dtype=float32)
    """

    @abc.abstractmethod
    def _fit_affine(self, source, target, source_labels):
        """The two maps.

        Args:
            source: float64 array `(rows, width)`, checked.
            target: float64 array `(target_rows, width)`, checked.
            source_labels: What the user gave, unchecked.

        Returns:
            Pair of the source's map and the target's. A map is `(W, b)`, of
            shapes `(width, outputs)` and `(outputs,)`, or `None` for the
            identity. An array that stands in both maps is kept once.
        """

    def _fit(self, source, target, source_labels):
        maps = self._fit_affine(source, target, source_labels)
        if any(pair is None for pair in maps):
            maps = dict(zip(DOMAINS, maps, strict=True))
            return {
                f"{domain}_{name}": value
                for domain, pair in maps.items()
                if pair is not None
                for name, value in zip(PARTS, pair, strict=True)
            }
        state = {}
        for name, source_part, target_part in zip(PARTS, *maps, strict=True):
            if source_part is target_part:
                state[name] = source_part
            else:
                state[f"source_{name}"] = source_part
                state[f"target_{name}"] = target_part
        return state

    def _map(self, inputs, state, domain):
        kernel = state.get("kernel", state.get(f"{domain}_kernel"))
        bias = state.get("bias", state.get(f"{domain}_bias"))
        if kernel is None:
            return inputs
        return ops.add(ops.matmul(inputs, kernel), bias)

    def compute_output_shape(self, input_shape):
        self._check_adapted()
        kernels = [
            shape
            for name, shape in self._state_shapes.items()
            if name.endswith("kernel")
        ]
        return (input_shape[0], kernels[0][1] if kernels else input_shape[1])
