"""Stacked denoising autoencoders without a training."""

import numbers

import numpy as np
import scipy.sparse
from keras import ops

from keras_transfer._public import checked_integer
from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer._public import unknown_name
from keras_transfer.subspace.arguments import positive_number
from keras_transfer.subspace.denoising_map import denoising_map
from keras_transfer.subspace.subspace_layer import SubspaceLayer

OUTPUTS = ("all", "last")

#: Columns from which on half the memory counts for more than the digits.
_WIDE = 1000


@public("subspace")
class MarginalizedDenoisingAutoencoder(SubspaceLayer):
    """Features that fill in what an example lacks from what goes with it.

    Formula, with `h_0 = x` and `W_l`, `b_l` the least-squares reconstruction
    of `h_(l-1)` from copies of it in which each entry is 0 with probability
    `corruption`, in the limit of infinitely many copies:

        h_l = tanh(h_(l-1) @ W_l + b_l)
        outputs = [h_0, h_1, ..., h_L]

    A word of one domain is so reconstructed from words that both domains use.
    Rows of both domains are taken alike and no labels, and both sides are the
    same map. Each layer is one solution of linear equations.

    Bad at: features that are not sparse and non-negative, as counts of words
    are; a zero is what corruption writes, so it should mean absence. Values
    far above 1 saturate: take 0 and 1, or tf-idf. Wide features: a layer
    takes `width^2` numbers and time like `width^3`; with 5,000 columns and
    five layers that is 500 MB of weights and 2 GB while it adapts. The
    outputs are `layers + 1` times as wide as the inputs, and few labels
    overfit them: regularize the head strongly.

    Args:
        num_layers: Number of layers.
        corruption: Probability, above 0 and below 1.
        ridge: Positive number added to the diagonal of the equations, for
            columns that are empty.
        outputs: `"all"`, the inputs and all layers side by side, or `"last"`.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"` or `"source"`; the map is the same.

    Output shape: `(rows, (num_layers + 1) * width)`, or that of the inputs.

    Note: `adapt` takes scipy.sparse matrices without making them dense; calls
    take dense rows, as all layers do: `layer(matrix[:500].toarray())`. Above
    1,000 columns it computes in float32, whose error in the outputs was 7e-5
    on 5,000 columns and five layers.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> source = np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]])
    >>> target = np.array([[1.0, 0, 0], [0, 0, 1], [0, 0, 1]])
    >>> layer = kt.subspace.MarginalizedDenoisingAutoencoder(1, outputs="last")
    >>> layer.adapt(source, target)
    >>> filled = layer(np.array([[1.0, 0, 0]])).numpy()[0]
    >>> bool(filled[1] > 0.3 > filled[2])
    True

    Reference:

    - [Chen, Xu, Weinberger & Sha, 2012, Marginalized Denoising Autoencoders
      for Domain Adaptation, section 3](https://arxiv.org/abs/1206.4683)
    """

    keeps_sparse = True

    def __init__(
        self,
        num_layers=5,
        corruption=0.5,
        ridge=1e-5,
        outputs="all",
        **kwargs,
    ):
        checked_integer("num_layers", num_layers, least=1)
        positive_number("ridge", ridge)
        if not isinstance(corruption, numbers.Real) or not 0 < corruption < 1:
            raise invalid_argument(
                "corruption", corruption, "a number above 0 and below 1"
            )
        if outputs not in OUTPUTS:
            raise unknown_name("outputs", outputs, OUTPUTS)
        super().__init__(**kwargs)
        self.num_layers = int(num_layers)
        self.corruption = float(corruption)
        self.ridge = float(ridge)
        self.outputs = outputs

    def _fit(self, source, target, source_labels):
        rows = _stacked(source, target)
        state = {}
        for number in range(self.num_layers):
            kernel, bias = denoising_map(rows, self.corruption, self.ridge)
            state[f"kernel_{number}"], state[f"bias_{number}"] = kernel, bias
            if number < self.num_layers - 1:
                rows = rows @ kernel
                rows += bias
                np.tanh(rows, out=rows)
        return state

    def _map(self, inputs, state, domain):
        outputs = [inputs]
        for number in range(self.num_layers):
            sums = ops.matmul(outputs[-1], state[f"kernel_{number}"])
            outputs.append(ops.tanh(ops.add(sums, state[f"bias_{number}"])))
        if self.outputs == "last":
            return outputs[-1]
        return ops.concatenate(outputs, axis=1)

    def compute_output_shape(self, input_shape):
        rows, width = input_shape
        if self.outputs == "last":
            return (rows, width)
        return (rows, (self.num_layers + 1) * width)

    def get_config(self):
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "corruption": self.corruption,
            "ridge": self.ridge,
            "outputs": self.outputs,
        }


def _stacked(source, target):
    """The rows of both domains; dense if one of them is."""
    dtype = "float32" if source.shape[1] > _WIDE else "float64"
    parts = [part.astype(dtype) for part in (source, target)]
    if all(scipy.sparse.issparse(part) for part in parts):
        return scipy.sparse.csr_array(scipy.sparse.vstack(parts))
    return np.concatenate(
        [
            part.toarray() if scipy.sparse.issparse(part) else part
            for part in parts
        ]
    )
