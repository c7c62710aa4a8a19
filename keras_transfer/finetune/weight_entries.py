"""The weights of a model or of a file, as one list of named entries."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.flattened_maps import flattened_maps
from keras_transfer.training import layer_tree

_KERNEL_ROLES = {"kernel": "weight", "bias": "bias"}
_NORM_ROLES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
NORMS = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
)
CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)
TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
#: What PyTorch calls the weights of Keras' layers.
_TORCH_ROLES = (
    ((keras.layers.Dense, *CONVOLUTIONS), _KERNEL_ROLES),
    ((*TRANSPOSED, *DEPTHWISE), _KERNEL_ROLES),
    (NORMS, _NORM_ROLES),
    ((keras.layers.Embedding,), {"embeddings": "weight"}),
)
_NAMES_OF_TORCH = ("weight", "bias", "running_mean", "running_var")
#: Counts batches of training; Keras has no such weight.
_IGNORED = "num_batches_tracked"


@dataclasses.dataclass(frozen=True, eq=False)
class Weight:
    """A weight of a source or of a target.

    Args:
        path: Names of the layers that it lies in, from the outside inwards.
        role: Its own name, as `"kernel"`.
        value: A `keras.Variable`, or an array.
        separator: What stands between names in the name: `"/"` or `"."`.
        layer: The layer that owns it, or `None` for an array of a file.
        flattened: Shape of the map whose flattened values the layer sees.
    """

    path: tuple
    role: str
    value: object
    separator: str = "/"
    layer: keras.layers.Layer | None = None
    flattened: tuple | None = None

    @property
    def name(self):
        """The whole name, as `"block/conv/kernel"`."""
        return self.separator.join((*self.path, self.role))

    @property
    def part(self):
        """Name of the layer."""
        return self.separator.join(self.path)

    @property
    def shape(self):
        return tuple(self.value.shape)

    @property
    def is_torch(self):
        """Whether name and axes are those of a layer of PyTorch."""
        is_named_so = self.separator == "." and self.role in _NAMES_OF_TORCH
        return self.layer is None and is_named_so

    @property
    def torch_role(self):
        """What PyTorch calls it, or `None` where it has no such layer."""
        for kinds, roles in _TORCH_ROLES:
            if isinstance(self.layer, kinds):
                return roles.get(self.role)
        return None

    def role_for(self, source):
        """What a weight of a source that belongs here is called there."""
        return self.torch_role if source.is_torch else self.role

    def numbers(self):
        """The value as an array."""
        if isinstance(self.value, np.ndarray):
            return self.value
        return ops.convert_to_numpy(self.value)


def weights_of_model(model):
    """Lists the weights of a model, layer by layer.

    Args:
        model: A built `keras.Model`.

    Returns:
        `(weights, unseen)`: a list of `Weight`, and the names of layers that
        flatten where no graph shows what follows.
    """
    maps, unseen = flattened_maps(model)
    weights, seen = [], set()
    for path, layer in [("", model), *layer_tree.nodes(model)]:
        names = tuple(path.split("/")) if path else ()
        for variable in layer_tree.own_weights(layer):
            # Of several layers that share it, the first.
            if id(variable) not in seen:
                seen.add(id(variable))
                role, shape = variable.name, maps.get(id(layer))
                weights.append(Weight(names, role, variable, "/", layer, shape))
    return weights, unseen


def weights_of_arrays(arrays):
    """Lists the entries of a dict of arrays.

    Args:
        arrays: Dict from names to arrays, as of PyTorch (`conv1.weight`) or
            as of Keras (`conv1/kernel`).

    Returns:
        A list of `Weight`. PyTorch's counts of batches are left out.

    Raises:
        ValueError: If it is not such a dict.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.finetune import weight_entries
    >>> (weight,) = weight_entries.weights_of_arrays(
    ...     {"block.conv1.weight": np.ones((8, 3, 3, 3))}
    ... )
    >>> weight.path, weight.role, weight.is_torch
    (('block', 'conv1'), 'weight', True)
    """
    weights = []
    for name, array in arrays.items():
        if not isinstance(name, str) or not name:
            raise invalid_argument("source", name, "names as keys of the dict")
        separator = "/" if "/" in name else "."
        *path, role = name.split(separator)
        value = np.asarray(array)
        if value.dtype.kind not in "fiub" and value.dtype.name != "bfloat16":
            raise invalid_argument(
                f"source[{name!r}]", array, "an array of numbers"
            )
        if role != _IGNORED:
            weights.append(Weight(tuple(path), role, value, separator))
    return weights
