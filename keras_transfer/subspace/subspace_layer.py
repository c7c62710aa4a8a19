"""What a layer implements that maps two domains onto each other."""

import abc

import keras

from keras_transfer._public import invalid_argument
from keras_transfer.subspace.domain_rows import domain_rows

DOMAINS = ("source", "target")


class SubspaceLayer(keras.layers.Layer, abc.ABC):
    """Fitted by `adapt` to features of two domains; maps those of either.

    A new one implements `_fit` and `_map`, `compute_output_shape`, and
    `get_config` where it has arguments, and is decorated with
    `@public("subspace")`. Where each side is `x @ W + b`, derive from
    `AffineSubspaceLayer` instead, which wants `_fit_affine` only.

    What `_fit` returns is kept in weights that are not trained, one for each
    name. Their shapes are part of the config, so that a file, a clone and a
    SavedModel bring the layer back as it was. `adapt` again with data that
    give the same shapes replaces the values; others want a new layer.

    Args:
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        inputs: Features `(rows, width)`.
        domain: `"target"`, which is what models are served with, or
            `"source"`.
    """

    #: Whether `_fit` gets scipy.sparse matrices as CSR; else they are made
    #: dense before it.
    keeps_sparse = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._state = {}
        self._state_shapes = None

    def adapt(self, source, target, source_labels=None):
        """Fits the layer.

        Computed in float64, kept in the layer's variable dtype.

        Args:
            source: Features of the source, array or scipy.sparse matrix
                `(rows, width)`.
            target: Features of the target `(target_rows, width)`.
            source_labels: Integers or strings `(rows,)`, for methods that use
                them.

        Raises:
            ValueError: If the features are not two-dimensional or not finite,
                their widths differ, or the labels do not fit.
        """
        source, target = domain_rows(source, target, self.keeps_sparse)
        state = self._fit(source, target, source_labels)
        shapes = {name: tuple(value.shape) for name, value in state.items()}
        if self.built and shapes != self._state_shapes:
            raise ValueError(
                f"{self.name!r} is built for weights of the shapes "
                f"{self._state_shapes}, and these domains want {shapes}. Make "
                "a new layer for them."
            )
        self._state_shapes = shapes
        if not self.built:
            self.build((None, source.shape[1]))
        for name, value in state.items():
            self._state[name].assign(value)

    def build(self, input_shape):
        self._check_adapted()
        for name, shape in self._state_shapes.items():
            # A clone whose values were never set must not look like a result.
            self._state[name] = self.add_weight(
                shape=shape,
                initializer=keras.initializers.Constant(float("nan")),
                trainable=False,
                name=name,
            )
        self.input_spec = keras.layers.InputSpec(
            ndim=2, axes={1: input_shape[1]}
        )

    def call(self, inputs, domain="target"):
        if domain not in DOMAINS:
            raise invalid_argument("domain", domain, "'source' or 'target'")
        self._check_adapted()
        state = {
            name: keras.ops.convert_to_tensor(weight)
            for name, weight in self._state.items()
        }
        return self._map(inputs, state, domain)

    def get_config(self):
        shapes = self._state_shapes
        if shapes is None:
            return super().get_config()
        shapes = {name: list(shape) for name, shape in shapes.items()}
        return {**super().get_config(), "state_shapes": shapes}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        shapes = config.pop("state_shapes", None)
        layer = super().from_config(config)
        if shapes is not None:
            layer._state_shapes = {
                name: tuple(shape) for name, shape in shapes.items()
            }
        return layer

    @abc.abstractmethod
    def _fit(self, source, target, source_labels):
        """What the layer keeps.

        Args:
            source: float64 array `(rows, width)`, checked; CSR if the method
                `keeps_sparse` and the source was.
            target: The same of the target, of equal width.
            source_labels: What the user gave, unchecked; see
                `data.feature_rows.class_numbers`.

        Returns:
            Dictionary of float64 arrays by name, the names those of weights.
        """

    @abc.abstractmethod
    def _map(self, inputs, state, domain):
        """Outputs `(rows, ...)` of the side of a domain, with keras.ops only.

        Args:
            inputs: Tensor `(rows, width)` in the compute dtype.
            state: What `_fit` returned, as tensors of the compute dtype.
            domain: `"source"` or `"target"`, a Python string.
        """

    def _check_adapted(self):
        if self._state_shapes is None:
            raise ValueError(
                f"{self.name!r} was called before it was fitted. Call "
                "layer.adapt(source, target) first."
            )
