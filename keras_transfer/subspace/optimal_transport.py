"""The source, moved onto the target by optimal transport."""

from keras import ops

from keras_transfer._public import public
from keras_transfer._public import unknown_name
from keras_transfer.ops.distances import pairwise_squared_distances
from keras_transfer.subspace.arguments import positive_number
from keras_transfer.subspace.subspace_layer import SubspaceLayer
from keras_transfer.subspace.transport_plan import METHODS
from keras_transfer.subspace.transport_plan import NORMALIZATIONS
from keras_transfer.subspace.transport_plan import transport_plan


@public("subspace")
class OptimalTransport(SubspaceLayer):
    """Moves each source row to where its mass goes in the target.

    Formula, with `P` the plan of least cost `<P, M>` over plans with equal
    rows and equal columns, `M` the squared distances of source and target
    rows, divided by their median, and `s_k` the source row nearest to `x`:

        image_i = sum_j P_ij t_j / sum_j P_ij
        source: x + image_k - s_k
        target: x

    Rows that the layer was adapted to go to their image; others move as the
    nearest of those does. The methods differ in what is added to the cost:

        "exact"     nothing
        "sinkhorn"  regularization * sum_ij P_ij log P_ij
        "lp_l1"     as sinkhorn, and class_regularization
                    * sum_jc (sum_{i in c} P_ij)^(1/2)
        "l1_l2"     as sinkhorn, and class_regularization
                    * sum_jc (sum_{i in c} P_ij^2)^(1/2)

    The last two want the labels of the source and keep target rows from
    getting mass of several classes. Rows without label are not provided for.

    Bad at: classes in other shares than in the source (all mass must go
    somewhere: with twice as many sevens in the target, sevens become other
    digits), outliers, and many rows. `adapt` takes some 40 bytes for each
    pair of a source and a target row, 1 GB for 5,000 by 5,000. "exact"
    takes time like the cube of the rows, "sinkhorn" like the square. Equal
    source rows get the image of the first one.

    Note: The layer keeps the source rows and how each moves, `2 * rows *
    width` numbers, which are also in a SavedModel of it. Target rows pass
    unchanged, so a model for the target alone can leave the layer out, and
    keep source data to itself.

    Args:
        method: One of the four above.
        regularization: Positive weight of the entropy. The larger, the nearer
            all images are to the mean of the target.
        class_regularization: Positive weight of the classes' term.
        normalization: `"median"`, `"max"` or `None`: what the squared
            distances are divided by, so that the weights do not depend on the
            scale of the features.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`. The source's side takes 4 bytes for
            each of them and each source row.
        domain: `"target"` or `"source"`.

    Output shape: that of the inputs.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> source, target = np.array([[0.0], [1.0]]), np.array([[7.0], [5.0]])
    >>> layer = kt.subspace.OptimalTransport()
    >>> layer.adapt(source, target)
    >>> layer(np.array([[0.0], [1.0], [1.5]]), domain="source").numpy()
    array([[5. ],
           [7. ],
           [7.5]], dtype=float32)

    Reference:

    - [Courty, Flamary, Tuia & Rakotomamonjy, 2017, Optimal Transport for
      Domain Adaptation](https://arxiv.org/abs/1507.00504);
      "lp_l1" of their [2014 paper](https://hal.science/hal-01018698)
    - [Ferradans et al., 2014, Regularized Discrete Optimal Transport, for
      rows that are new](https://arxiv.org/abs/1307.5551)
    - Solvers: [POT](https://pythonot.github.io)
    """

    def __init__(
        self,
        method="exact",
        regularization=1.0,
        class_regularization=0.1,
        normalization="median",
        **kwargs,
    ):
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)
        positive_number("regularization", regularization)
        positive_number("class_regularization", class_regularization)
        if normalization not in (None, *NORMALIZATIONS):
            raise unknown_name("normalization", normalization, NORMALIZATIONS)
        super().__init__(**kwargs)
        self.method = method
        self.regularization = float(regularization)
        self.class_regularization = float(class_regularization)
        self.normalization = normalization

    def _fit(self, source, target, source_labels):
        plan = transport_plan(
            source,
            target,
            source_labels,
            method=self.method,
            regularization=self.regularization,
            class_regularization=self.class_regularization,
            normalization=self.normalization,
        )
        images = plan @ target / plan.sum(axis=1, keepdims=True)
        return {"rows": source, "moves": images - source}

    def _map(self, inputs, state, domain):
        if domain == "target":
            return inputs
        distances = pairwise_squared_distances(inputs, state["rows"])
        nearest = ops.argmin(distances, axis=1)
        return ops.add(inputs, ops.take(state["moves"], nearest, axis=0))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "method": self.method,
            "regularization": self.regularization,
            "class_regularization": self.class_regularization,
            "normalization": self.normalization,
        }
