"""L2-SP: a pull to where the weights started."""

import math
import numbers

import keras
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer.finetune import freezing
from keras_transfer.training import layer_tree
from keras_transfer.training.optimizer_wrapper import OptimizerWrapper


class L2SP:
    """A penalty on the distance from the pretrained weights.

    Formula, with w0 the values when `apply` is called, and sums, not means:

        alpha / 2 * sum over old kernels of ||w - w0||^2
          + beta / 2 * sum over new kernels of ||w||^2

    It is added to the loss by a regularizer on each variable that learns: a
    kernel or an embedding, and not biases, nor gamma, beta and statistics of
    a normalization. Where a variable has a regularizer, it is replaced. The
    regularizers are no part of the configuration of the layers, so that a
    saved model knows nothing of them.

    The optimizer must not decay the same weights to zero as well: use
    `Adam` and not `AdamW`, and no `weight_decay`.

    Bad at: targets far from the source, which it keeps the model from. The
    starting values take as much memory as the kernels. Adam divides the pull
    by the size of the gradients; the paper uses SGD.

    Args:
        alpha: Strength of the pull to the starting values.
        beta: Strength of the pull of new layers to zero.
        new: Names or wildcard patterns of the layers that were not
            pretrained, as `"head*"`.
        only: Names or wildcard patterns of the layers that the penalty is
            for, or `None` for all.

    Raises:
        ValueError: If a strength is negative.

    Example:

    >>> import keras
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, name="hidden"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> kt.finetune.L2SP(alpha=0.1, beta=0.0, new="head").apply(model)
    ('hidden/kernel', 'head/kernel')
    >>> sum(float(loss) for loss in model.losses)
    0.0

    Reference:

    - [Li, Grandvalet & Davoine, 2018, Explicit Inductive Bias for Transfer
      Learning with Convolutional Networks, eq.
      2](https://arxiv.org/abs/1802.01483)
    """

    def __init__(self, alpha=0.01, beta=0.01, new=(), only=None):
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not isinstance(value, numbers.Real) or not (
                0 <= value < math.inf
            ):
                raise invalid_argument(name, value, "a number of at least 0")
        self.alpha = alpha
        self.beta = beta
        self.new = _names(new)
        self.only = None if only is None else _names(only)

    def apply(self, model):
        """Puts the penalty on the variables of a model as they are now.

        A compiled model has to be compiled again.

        Args:
            model: A built `keras.Model`, with the pretrained weights.

        Returns:
            Tuple of the paths of the variables.

        Raises:
            ValueError: If a pattern matches nothing, or if the model is
                compiled with an optimizer that decays weights.
        """
        freezing.check_built(model)
        _check_optimizer(model)
        for pattern in self.new:
            layer_tree.find(model, pattern, "new")
        for pattern in self.only or ():
            layer_tree.find(model, pattern, "only")
        paths = []
        for path, layer in layer_tree.weighted_nodes(model):
            if self.only is not None and not _any_matches(self.only, path):
                continue
            is_new = _any_matches(self.new, path)
            for weight in layer_tree.own_weights(layer):
                if _is_kernel(weight):
                    weight.regularizer = self._regularizer(weight, is_new)
                    paths.append(f"{path}/{weight.name}")
        layer_tree.uncompile(model)
        return tuple(paths)

    def remove(self, model):
        """Takes the penalty off again, for `evaluate` of the bare loss.

        A compiled model has to be compiled again.

        Args:
            model: A `keras.Model` that `apply` was called with.
        """
        for weight in model.weights:
            if isinstance(weight.regularizer, _Pull):
                weight.regularizer = weight.regularizer.replaced
                layer_tree.uncompile(model)

    def _regularizer(self, weight, is_new):
        replaced = weight.regularizer
        if isinstance(replaced, _Pull):
            replaced = replaced.replaced
        if is_new:
            return _Pull(self.beta, None, replaced)
        # A variable and not a constant, which the graph would hold once more;
        # of an array, because Keras would adopt the variable of another.
        start = keras.Variable(
            ops.convert_to_numpy(weight),
            dtype=weight.dtype,
            trainable=False,
            name="start",
        )
        return _Pull(self.alpha, start, replaced)


class _Pull:
    """The penalty of one variable."""

    def __init__(self, strength, start, replaced):
        self.strength = strength
        self.start = start
        self.replaced = replaced

    def __call__(self, weight):
        weight = ops.convert_to_tensor(weight)
        if self.start is not None:
            weight = weight - ops.convert_to_tensor(self.start)
        return 0.5 * self.strength * ops.sum(ops.square(weight))


def _is_kernel(weight):
    return (
        weight.trainable and len(weight.shape) > 1 and "bias" not in weight.name
    )


def _any_matches(patterns, path):
    return any(layer_tree.matches(pattern, path) for pattern in patterns)


def _names(given):
    return (given,) if isinstance(given, str) else tuple(given)


def _check_optimizer(model):
    optimizer = model.optimizer if model.compiled else None
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    while isinstance(optimizer, OptimizerWrapper):
        optimizer = optimizer.optimizer
    decay = optimizer and optimizer.weight_decay
    if decay:
        raise ValueError(
            "The model is compiled with an optimizer that pulls weights to "
            f"zero (weight_decay={decay}), which is against the pull of L2SP "
            "to the pretrained weights. Compile with weight_decay=0, or "
            "without."
        )
