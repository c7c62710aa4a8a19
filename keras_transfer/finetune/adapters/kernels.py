"""Where inputs and outputs are in the kernels of Keras' layers.

The kernel of a dense layer is a matrix, that of a convolution or of an einsum
has more axes. Each axis belongs to the inputs (it is summed over), to the
outputs, or to both. What an adapter learns follows from that.
"""

import math
import string

import keras
from keras import ops


class Kernel:
    """The kernel of a built layer: a dense layer's, unless told otherwise.

    Attributes:
        layer: The layer.
        letters: A letter for each axis of the kernel.
        inputs: Letters of the axes that are summed over.
        outputs: Letters of the axes that only the outputs have.
        shared: Letters of the axes that inputs and outputs have.
    """

    letters, inputs, outputs, shared = "xy", "x", "y", ""

    def __init__(self, layer):
        self.layer = layer

    @property
    def variable(self):
        """The variable itself."""
        return self.layer.kernel

    def sizes(self, letters):
        """The length of each axis."""
        shape = dict(zip(self.letters, self.variable.shape, strict=True))
        return tuple(shape[letter] for letter in letters)

    @property
    def features(self):
        """Letters of the axes that the outputs have, in the kernel's order."""
        return "".join(i for i in self.letters if i not in self.inputs)

    @property
    def input_features(self):
        """Letters of the axes along which inputs can be scaled."""
        return "".join(i for i in self.letters if i not in self.outputs)

    # === A product of two small factors instead of a kernel ===

    def factor_shapes(self, rank):
        """Shapes of A, which comes first, and of B."""
        return (
            (*self.sizes(self.shared + self.inputs), rank),
            (*self.sizes(self.shared), rank, *self.sizes(self.outputs)),
        )

    def product(self, a, b):
        """The change of the kernel that the factors stand for."""
        rank = _unused(self.letters)
        first = f"{self.shared}{self.inputs}{rank}"
        second = f"{self.shared}{rank}{self.outputs}"
        return ops.einsum(f"{first},{second}->{self.letters}", a, b)

    def down(self, x, a):
        """Inputs times A."""
        return ops.matmul(x, a)

    def up(self, hidden, b):
        """What `down` returned, times B."""
        return ops.matmul(hidden, b)

    # === One number for each feature ===

    def over_kernel(self, values, letters):
        """Values for some axes, in a shape that multiplies the kernel."""
        sizes = self.sizes(self.letters)
        pairs = zip(self.letters, sizes, strict=True)
        return ops.reshape(values, [n if i in letters else 1 for i, n in pairs])

    def has_full(self, bias):
        """Whether a bias has one number for each of `features`."""
        return math.prod(bias.shape) == math.prod(self.sizes(self.features))

    def scaled_bias(self, bias, values):
        """A bias, times values of `features`."""
        return bias * values

    def over_outputs(self, values, rank):
        """Values of `features`, in a shape that multiplies the outputs."""
        return values

    def over_inputs(self, values, rank):
        """Values of `input_features`, in a shape that multiplies inputs."""
        return values


class EmbeddingKernel(Kernel):
    """The table of an embedding: the input picks a row."""

    @property
    def variable(self):
        return self.layer.embeddings

    def down(self, x, a):
        return ops.take(a, ops.cast(x, "int32"), axis=0)


class ConvolutionKernel(Kernel):
    """The kernel of a convolution: A is one too, B is a 1 x 1 convolution."""

    shared = ""

    def __init__(self, layer):
        super().__init__(layer)
        self.letters = string.ascii_lowercase[: layer.rank] + "xy"
        self.inputs, self.outputs = self.letters[:-1], "y"

    @property
    def input_features(self):
        return "x"

    def down(self, x, a):
        layer, padding = self.layer, self.layer.padding
        if padding == "causal":
            before = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
            pads = [[0, 0], [before, 0], [0, 0]]
            if layer.data_format == "channels_first":
                pads = [pads[0], pads[2], pads[1]]
            x, padding = ops.pad(x, pads), "valid"
        return ops.conv(
            x,
            a,
            strides=list(layer.strides),
            padding=padding,
            dilation_rate=layer.dilation_rate,
            data_format=layer.data_format,
        )

    def up(self, hidden, b):
        if self.layer.data_format == "channels_last":
            return ops.matmul(hidden, b)
        b = ops.reshape(b, (1,) * self.layer.rank + tuple(b.shape))
        return ops.conv(hidden, b, data_format="channels_first")

    def over_outputs(self, values, rank):
        if self.layer.data_format == "channels_last":
            return values
        return ops.reshape(values, (-1,) + (1,) * self.layer.rank)

    def over_inputs(self, values, rank):
        return self.over_outputs(values, rank)


class EinsumKernel(Kernel):
    """The kernel of an einsum; its letters are those of the equation."""

    def __init__(self, layer):
        super().__init__(layer)
        terms = layer.equation.replace(" ", "").replace("->", ",").split(",")
        self.source, self.letters, self.result = terms
        known = set(self.letters)
        self.shared = _common(self.letters, self.source, self.result)
        self.inputs = _common(self.letters, self.source, known - set(terms[2]))
        self.outputs = _common(self.letters, self.result, known - set(terms[0]))
        self._rank = _unused("".join(terms))
        kept = [i for i in self.source if i == "." or i in self.result]
        self._middle = "".join(kept) + self._rank

    @property
    def is_plain(self):
        """Whether each axis of the kernel is of the inputs or the outputs."""
        parts = self.shared + self.inputs + self.outputs
        return sorted(parts) == sorted(self.letters)

    def down(self, x, a):
        first = f"{self.shared}{self.inputs}{self._rank}"
        return ops.einsum(f"{self.source},{first}->{self._middle}", x, a)

    def up(self, hidden, b):
        second = f"{self.shared}{self._rank}{self.outputs}"
        return ops.einsum(f"{self._middle},{second}->{self.result}", hidden, b)

    def over_outputs(self, values, rank):
        return self._spread(values, self.features, self.result, rank)

    def over_inputs(self, values, rank):
        return self._spread(values, self.input_features, self.source, rank)

    def _spread(self, values, letters, term, rank):
        """Values in the order of a term, with 1 for its other axes."""
        order, values = self._in_order(values, letters, term)
        sizes = dict(zip(order, values.shape, strict=True))
        axes = term.replace("...", "." * (rank - len(term.strip("."))))
        return ops.reshape(values, [sizes.get(i, 1) for i in axes])

    def scaled_bias(self, bias, values):
        _, values = self._in_order(values, self.features, self.result)
        scaled = ops.reshape(bias, values.shape) * values
        return ops.reshape(scaled, bias.shape)

    def _in_order(self, values, letters, term):
        order = [i for i in term if i in letters]
        return order, ops.transpose(values, [letters.index(i) for i in order])


#: Kinds of layers with a kernel, and the class that knows it.
KINDS = {
    keras.layers.Dense: Kernel,
    keras.layers.EinsumDense: EinsumKernel,
    keras.layers.Embedding: EmbeddingKernel,
    keras.layers.Conv1D: ConvolutionKernel,
    keras.layers.Conv2D: ConvolutionKernel,
    keras.layers.Conv3D: ConvolutionKernel,
}


def kernel_of(layer):
    """The `Kernel` of a built layer of a kind in this file."""
    return KINDS[type(layer)](layer)


def refusal(layer, grouped=False):
    """Why there is nothing here for a layer, or `None` if there is.

    Args:
        layer: A built layer.
        grouped: Whether grouped convolutions will do.

    Returns:
        A phrase that goes on from the name of the layer.
    """
    name = type(layer).__name__
    if type(layer) not in KINDS:
        for kind in KINDS:
            if isinstance(layer, kind):
                return f"is a {name}, not a plain {kind.__name__}"
        return f"is a {name}, which is not supported"
    if layer.quantization_mode:
        return "is quantized"
    if layer.lora_enabled:
        return "has Keras' own LoRA"
    if not grouped and getattr(layer, "groups", 1) > 1:
        return f"has groups={layer.groups}"
    is_einsum = isinstance(layer, keras.layers.EinsumDense)
    if is_einsum and not EinsumKernel(layer).is_plain:
        return f"has the equation {layer.equation!r}"
    return None


def _unused(letters):
    return next(i for i in string.ascii_letters if i not in letters)


def _common(letters, *others):
    return "".join(i for i in letters if all(i in other for other in others))
