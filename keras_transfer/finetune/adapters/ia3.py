"""IA3: one learnt factor for each feature."""

from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.finetune.adapters import kernels
from keras_transfer.finetune.adapters.abstract_adapter import AbstractAdapter
from keras_transfer.finetune.adapters.abstract_branch import AbstractBranch
from keras_transfer.finetune.adapters.patterns import any_matches
from keras_transfer.finetune.adapters.patterns import as_patterns


@public("finetune")
class IA3(AbstractAdapter):
    """One learnt factor for each feature of some layers, which begins at 1.

    Formula, with l the learnt vector:

        y = l * activation(x W + b)        for layers of `target`
        y = activation((l * x) W + b)      for layers of `input_target`

    The paper scales the keys and the values of attention, and what goes into
    the second layer of each feed-forward block. The factors can be merged
    into the kernel, except those of outputs after a nonlinear activation.

    Bad at: tasks that need new features; it can only weigh what is there.

    Args:
        target: Names, paths or patterns of layers whose outputs are scaled,
            as for `LoRA`.
        input_target: The same for layers whose inputs are scaled, which may
            not be embeddings. It goes before `target`.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> inputs = keras.Input((5, 4))
    >>> attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    >>> model = keras.Model(inputs, attention(inputs, inputs))
    >>> adapted = kt.finetune.add_adapters(model, kt.finetune.IA3())
    >>> [tuple(w.shape) for w in adapted.trainable_weights]
    [(2, 3), (2, 3)]

    Reference:

    - [Liu et al., 2022, Few-Shot Parameter-Efficient Fine-Tuning is Better
      and Cheaper than In-Context Learning, sec.
      3.3](https://arxiv.org/abs/2205.05638)
    """

    def __init__(self, target=("key", "value"), input_target=()):
        super().__init__(target)
        self.input_target = as_patterns("input_target", input_target)
        if not self.target and not self.input_target:
            raise invalid_argument("target", target, "the name of a layer")

    def wants(self, path):
        return any_matches(self.target + self.input_target, path)

    def branch(self, base, path, name):
        scales_inputs = any_matches(self.input_target, path)
        return _IA3Branch(self, base, scales_inputs, name=name)

    def get_config(self):
        return {
            **super().get_config(),
            "input_target": list(self.input_target),
        }


class _IA3Branch(AbstractBranch):
    def __init__(self, adapter, base, scales_inputs, **kwargs):
        super().__init__(adapter, base, **kwargs)
        self.kernel = kernels.kernel_of(base)
        if isinstance(self.kernel, kernels.EmbeddingKernel):
            scales_inputs = False
        self.scales_inputs = scales_inputs

    @property
    def _letters(self):
        kernel = self.kernel
        return kernel.input_features if self.scales_inputs else kernel.features

    def build(self, input_shape):
        sizes = self.kernel.sizes(self._letters)
        self.factor = self.add_learnt("factor", sizes, "ones")

    def scale_inputs(self, x):
        if not self.scales_inputs:
            return x
        factor = ops.cast(self._in_use(), x.dtype)
        return x * self.kernel.over_inputs(factor, len(x.shape))

    def change_outputs(self, y, training):
        if self.scales_inputs:
            return y
        factor = ops.cast(self._in_use(), y.dtype)
        return y * self.kernel.over_outputs(factor, len(y.shape))

    def merge_refusal(self, activation, bias):
        if self.scales_inputs:
            return None
        if activation != "linear":
            return (
                f"scales what comes out of the activation {activation!r}; name "
                "the next layer in input_target instead"
            )
        if bias is not None and not self.kernel.has_full(bias):
            return "has one bias for several features"
        return None

    def merge_factor(self, kernel, bias):
        factor = self._in_use()
        if bias is not None and not self.scales_inputs:
            bias = self.kernel.scaled_bias(bias, factor)
        return kernel * self.kernel.over_kernel(factor, self._letters), bias

    def _in_use(self):
        return 1 + self.strength * (self.factor - 1)
