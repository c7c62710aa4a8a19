"""A connection past some layers, same function."""

import numpy as np
from keras import layers

from keras_transfer._public import invalid_argument
from keras_transfer.finetune.morphism import layer_kinds
from keras_transfer.finetune.morphism.rebuild import Edit
from keras_transfer.finetune.morphism.rebuild import morph

#: What a branch may end with,
_LAST = (
    layers.BatchNormalization,
    layers.Dense,
    *layer_kinds.CONVS,
    *layer_kinds.DEPTHWISE_CONVS,
    *layer_kinds.SEPARABLE_CONVS,
)
#: and what may follow that.
_KEEPING_ZERO = (layers.Dropout, *layer_kinds.of_each_rank("SpatialDropout"))


def add_skip(model, start, end, branch=None, name=None, carry_optimizer=False):
    """Adds a branch past some layers, which begins at zero.

    The outputs of `end` become

        y + F(x),  F(x) = 0 in the beginning

    with x the outputs of `start`. The last weights of F are zero. They get
    gradients at once, and what is before them as soon as they have moved.

    Without a `branch`, F is one Dense layer or convolution of size 1 without
    a bias, and a stride if `end` is smaller. With `start` equal to `end` and
    a branch of several layers it is a residual block that is added.

    Bad at: networks that train well without; and it is no shortcut in the
    beginning, as one of He et al. is, so that it helps gradients only later.

    Args:
        model: A built Functional or Sequential model. It is not changed.
        start: Name of a layer or an input, `"backbone/conv_1"` in a model
            inside the model.
        end: Name of a layer after it, in the same model, or the same layer.
        branch: List of new layers, or `None`. The last layer with weights,
            which must be a Dense layer, a convolution or a batch norm, is set
            to zero; after it come no others but such as keep a zero.
        name: Name of the Add; `end` with `_skip` by default.
        carry_optimizer: Whether the new model is compiled as the old one is,
            with the optimizer's state. The new layers' begins at zero, so that
            their first steps with Adam are up to three times as large.

    Returns:
        A new Functional model, also of a Sequential one; not compiled,
        unless `carry_optimizer` says so. If `end` is an output of the model,
        the new output has the name of the Add.

    Raises:
        ValueError: If there is no such layer, if `end` does not come after
            `start`, or if the branch's outputs are not like those of `end`.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, activation="relu", name="first"),
    ...         keras.layers.Dense(6, activation="relu", name="second"),
    ...         keras.layers.Dense(3, name="head"),
    ...     ]
    ... )
    >>> skipped = kt.finetune.add_skip(model, "first", "second")
    >>> [layer.name for layer in skipped.layers[2:]]
    ['second', 'second_skip_branch', 'second_skip', 'head']
    >>> x = np.ones((2, 4), "float32")
    >>> bool(np.allclose(skipped(x), model(x), atol=1e-5))
    True

    Reference:

    - [He, Zhang, Ren & Sun, 2016, Deep Residual Learning for Image
      Recognition](https://arxiv.org/abs/1512.03385)
    - [Wei, Wang, Rui & Chen, 2016, Network
      Morphism](https://arxiv.org/abs/1603.01670)
    """
    around, _, own_start = str(start).rpartition("/")
    if str(end).rpartition("/")[0] != around:
        raise invalid_argument(
            "end", end, f"a layer of the same model as {start!r}"
        )

    def edit(graph, own_end):
        target = _check_order(graph, own_start, own_end)
        added = name or graph.free_name(f"{own_end}_skip")
        chain = branch
        if chain is None:
            shapes = graph.shape(own_start), graph.shape(own_end)
            chain = [_projection(*shapes, f"{added}_branch", target)]
        last = _last_with_weights(chain)

        def join(output, outputs):
            skipped = outputs[own_start] if own_start != own_end else output
            for layer in chain:
                skipped = layer(skipped)
            if skipped.shape != output.shape:
                raise invalid_argument(
                    "branch",
                    skipped.shape,
                    f"outputs of the shape {output.shape} of {own_end!r}",
                )
            _make_zero(last)
            dtype = getattr(target, "dtype_policy", None)
            return layers.Add(name=added, dtype=dtype)([output, skipped])

        return Edit(joins={own_end: join})

    return morph(model, end, edit, carry_optimizer)


def _check_order(graph, start, end):
    graph.find_once(start, "start")
    target = graph.find_once(end, "end")
    if start != end and start not in graph.ancestors(end):
        raise invalid_argument(
            "end", end, f"a layer whose inputs depend on {start!r}"
        )
    return target


def _projection(start, end, name, target):
    """The smallest branch from one shape to another."""
    options = {
        "use_bias": False,
        "name": name,
        "dtype": getattr(target, "dtype_policy", None),
    }
    if len(start) != len(end) or len(end) not in (2, 3, 4, 5):
        raise invalid_argument(
            "branch",
            None,
            f"layers from outputs of shape {start} to such of shape {end}",
        )
    if len(end) == 2:
        return layers.Dense(end[-1], **options)
    strides = []
    for before, after in zip(start[1:-1], end[1:-1], strict=True):
        stride = _stride(before, after)
        if stride is None:
            raise invalid_argument(
                "branch",
                None,
                f"layers from outputs of shape {start} to such of shape "
                f"{end}, as no stride leads from {before} to {after}",
            )
        strides.append(stride)
    return layer_kinds.CONVS[len(end) - 3](
        end[-1],
        1,
        strides=strides,
        padding="same",
        data_format="channels_last",
        **options,
    )


def _stride(before, after):
    """The smallest stride from one length to another."""
    if before is None or after is None:
        return None
    strides = range(1, before + 1)
    fitting = [stride for stride in strides if -(-before // stride) == after]
    return fitting[0] if fitting else None


def _last_with_weights(chain):
    """The layer that is set to zero, so that the branch is."""
    for layer in reversed(chain):
        if type(layer) in _LAST:
            _check_last(layer)
            return layer
        if type(layer) not in _KEEPING_ZERO:
            break
    raise invalid_argument(
        "branch",
        [type(layer).__name__ for layer in chain],
        "a list that ends with a Dense layer, a convolution or a batch norm",
    )


def _check_last(layer):
    if type(layer) is layers.BatchNormalization:
        if not layer.scale:
            raise invalid_argument(
                "branch", layer.name, "a batch norm with a scale"
            )
    elif layer_kinds.activation_name(layer) != "linear":
        raise invalid_argument(
            "branch",
            layer.name,
            "a last layer without an activation",
            "ReLU has no gradient at zero, where the branch would stay.",
        )


def _make_zero(layer):
    names = ("kernel", "pointwise_kernel", "gamma", "bias", "beta")
    for name in names:
        variable = getattr(layer, name, None)
        if variable is not None:
            variable.assign(np.zeros(variable.shape))
