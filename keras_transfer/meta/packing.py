"""Many tensors as few long ones, so that arithmetic takes few operations."""

import numpy as np
import tensorflow as tf


class Packing:
    """Joins tensors of equal dtype to one vector each, and parts them again.

    Args:
        variables: Whose shapes and dtypes the tensors have.

    Attributes:
        dtypes: Names of the dtypes, one for each vector.
        sizes: Lengths of the vectors.
    """

    def __init__(self, variables):
        self._shapes = [tuple(v.shape) for v in variables]
        self._members = {}
        for position, variable in enumerate(variables):
            self._members.setdefault(variable.dtype, []).append(position)
        self.dtypes = list(self._members)
        self.sizes = [
            sum(self._size(position) for position in positions)
            for positions in self._members.values()
        ]

    def pack(self, tensors):
        """A list of tensors as a list of vectors."""
        return [
            tf.concat([tf.reshape(tensors[p], [-1]) for p in positions], 0)
            for positions in self._members.values()
        ]

    def unpack(self, vectors):
        """The inverse of `pack`."""
        tensors = [None] * len(self._shapes)
        for vector, positions in zip(
            vectors, self._members.values(), strict=True
        ):
            parts = tf.split(vector, [self._size(p) for p in positions])
            for part, position in zip(parts, positions, strict=True):
                tensors[position] = tf.reshape(part, self._shapes[position])
        return tensors

    def _size(self, position):
        return int(np.prod(self._shapes[position], dtype="int64"))
