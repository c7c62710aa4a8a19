"""Learning rates that differ from layer to layer."""

import numbers
import warnings

import keras
import tensorflow as tf
from keras import ops

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.finetune import layer_factors
from keras_transfer.training.optimizer_wrapper import OptimizerWrapper
from keras_transfer.training.variable_paths import aligned
from keras_transfer.training.variable_paths import path_of


@public("finetune")
class LayerwiseLearningRate(OptimizerWrapper):
    """An optimizer whose steps are smaller in the lower layers.

    Formula, for a variable w in layer l of L, counted from the inputs, and
    the update u(w) that the inner optimizer makes:

        w <- w + factor * u(w),  factor = decay^(L - l) * multiplier

    It is the update that is scaled and not the gradient, to which Adam would
    pay no heed. Whatever the inner optimizer does to a variable is scaled,
    its weight decay too. For all optimizers whose update is proportional to
    the learning rate this is a learning rate for each layer.

    `learning_rate` and `iterations` are those of the inner optimizer, so that
    schedules and callbacks work. Under `mixed_float16` Keras puts its loss
    scaling outside by itself.

    Bad at: networks with few layers, which leave nothing to tell apart; and a
    decay chosen for one depth means something else for another. It reads and
    writes each scaled variable once more per step.

    Args:
        optimizer: A `keras.optimizers.Optimizer` that was not used yet, or
            its name.
        decay: Positive number, or `None`. In use are 0.65 to 0.95, with one
            layer being a block of a network.
        multipliers: Dict from names or wildcard patterns of layers or
            variables to numbers, or `None`. The first that matches counts;
            0 keeps a layer as it is.
        model: Built `keras.Model` to train, whose layers give the names and
            the order. Without it the names are the paths of the variables,
            and the order is that in which they are first seen, which a frozen
            layer is missing from.
        layers: What counts as a layer for the decay, from the inputs on: a
            list of names or patterns, or lists of them, as
            `["stem", "block_1*", "block_2*", "head"]`. By default each layer
            with weights; a layer that only scales and shifts counts with the
            one before it. Variables in none of them are at the top.
        name: Optional name.

    Raises:
        ValueError: If neither a decay nor multipliers are given, or if a
            pattern matches nothing.

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
    >>> optimizer = kt.finetune.LayerwiseLearningRate(
    ...     keras.optimizers.Adam(1e-3), decay=0.5, model=model
    ... )
    >>> model.compile(optimizer, "mse")
    >>> sorted(set(optimizer.factors().values()))
    [0.5, 1.0]

    Reference:

    - [Howard & Ruder, 2018, Universal Language Model Fine-tuning for Text
      Classification, section 3.2](https://arxiv.org/abs/1801.06146)
    - [Clark et al., 2020, ELECTRA, appendix
      B](https://arxiv.org/abs/2003.10555)
    """

    def __init__(
        self,
        optimizer,
        decay=None,
        multipliers=None,
        model=None,
        layers=None,
        name=None,
    ):
        _check_factors(decay, multipliers)
        optimizer = keras.optimizers.get(optimizer)
        super().__init__(
            optimizer,
            learning_rate=0.0,  # never read
            use_ema=optimizer.use_ema,
            ema_momentum=optimizer.ema_momentum,
            ema_overwrite_frequency=optimizer.ema_overwrite_frequency,
            name=name,
        )
        # The average is one of values that were really taken.
        optimizer.use_ema = False
        self.decay = decay
        self.multipliers = dict(multipliers or {})
        self.layers = layers
        self.model = None
        self._fixed = None
        self._is_strict = True
        if isinstance(model, keras.Model):
            if not model.built:
                raise ValueError("The model of `model=` has no weights yet.")
            self._fix(layer_factors.names_in(model))
        elif model is not None:  # from a config
            self._fixed = [tuple(pair) for pair in model]
            # The layers that a pattern was made for may be frozen by now.
            self._is_strict = False

    def factors(self):
        """Dict from the paths of variables to their factors, once known."""
        return dict(self._fixed or ())

    @property
    def learning_rate(self):
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self.optimizer.learning_rate = learning_rate

    @property
    def iterations(self):
        return self.optimizer.iterations

    @property
    def variables(self):
        return self._variables + self.optimizer.variables

    def build(self, variables):
        if self.built:
            return
        if not self._covers(variables):
            self._fix(layer_factors.names_of(variables))
        self._factors = [
            1.0 if index is None else self._fixed[index][1]
            for index in self._places(variables)
        ]
        self.optimizer.build(variables)
        super().build(variables)

    def apply(self, grads, trainable_variables=None):
        if len(grads) == 0:
            return
        grads, variables = self._known(grads, trainable_variables)
        is_first = ops.equal(self.iterations, 0)
        step = self.iterations + 1
        moved = [
            (variable, factor)
            for variable, gradient in zip(variables, grads, strict=True)
            if gradient is not None
            and (factor := self._factor(variable)) != 1.0
        ]
        before = [tf.identity(_raw(variable)) for variable, _ in moved]
        self.optimizer.apply(grads, variables)
        _scale_updates(moved, before)
        for variable, _ in moved:
            constraint = getattr(variable, "constraint", None)
            if constraint is not None:
                variable.assign(constraint(variable))
        if self.use_ema:
            self._average(is_first, step)

    def resolve(self, variables):
        # An earlier build may have seen a part of them only.
        if not self._covers(variables):
            self._fix(layer_factors.names_of(variables))

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        self.optimizer.exclude_from_weight_decay(var_list, var_names)

    def save_own_variables(self, store):
        # Keras saves the optimizer inside by itself.
        for index, variable in enumerate(self._variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store):
        if len(store.keys()) != len(self._variables):
            # As Keras' optimizers do: the weights are of use without.
            warnings.warn(
                f"The averages of {self.name!r} are not loaded: the file has "
                f"{len(store.keys())} variables, and not "
                f"{len(self._variables)}.",
                stacklevel=2,
            )
            return
        for index, variable in enumerate(self._variables):
            variable.assign(store[str(index)])

    def get_config(self):
        return {
            "name": self.name,
            "optimizer": self._inner_config(use_ema=self.use_ema),
            "decay": self.decay,
            "multipliers": dict(self.multipliers),
            # What it has been found to say.
            "model": self._fixed and [list(pair) for pair in self._fixed],
            "layers": _plain(self.layers),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["optimizer"] = keras.saving.deserialize_keras_object(
            config["optimizer"], custom_objects=custom_objects
        )
        return cls(**config)

    def _fix(self, names):
        """Notes the factor of each variable, which patterns stand for."""
        found = layer_factors.factors(
            names, self.decay, self.multipliers, self.layers, self._is_strict
        )
        self._fixed = [
            (name.path, factor)
            for name, factor in zip(names, found, strict=True)
        ]

    def _places(self, variables):
        return aligned(
            [path_of(variable) for variable in variables],
            [path for path, _ in self._fixed or ()],
        )

    def _covers(self, variables):
        return None not in self._places(variables)

    def _factor(self, variable):
        # Float8 training writes scales as if they were gradients.
        if getattr(variable, "overwrite_with_gradient", False):
            return 1.0
        return self._factors[self._get_variable_index(variable)]

    def _average(self, is_first, step):
        """What Keras does after a step, with the values after scaling."""
        momentum = self.ema_momentum * (1.0 - ops.cast(is_first, "float32"))
        for variable, average in zip(
            self._trainable_variables,
            self._model_variables_moving_average,
            strict=True,
        ):
            if average is not None:
                share = ops.cast(momentum, average.dtype)
                average.assign(share * average + (1 - share) * variable)
        if self.ema_overwrite_frequency:
            ops.cond(
                ops.equal(step % self.ema_overwrite_frequency, 0),
                lambda: self._overwrite_model_variables_with_average_value(
                    self._trainable_variables
                ),
                lambda: None,
            )


def _scale_updates(moved, before):
    """Takes each variable back to where the scaled update ends."""
    factors = [factor for _, factor in moved]
    variables = [_raw(variable) for variable, _ in moved]

    def scale(strategy, variables, before):
        for variable, value, factor in zip(
            variables, before, factors, strict=True
        ):
            strategy.extended.update(
                variable, _partly(factor), args=(value,), group=False
            )

    # As Keras' own optimizers write variables on several devices.
    tf.__internal__.distribute.interim.maybe_merge_call(
        scale, tf.distribute.get_strategy(), variables, before
    )


def _partly(factor):
    def update(variable, before):
        if factor == 0:  # also where the update is not finite
            variable.assign(before)
        else:
            change = tf.cast(factor, variable.dtype) * (variable - before)
            variable.assign(before + change)

    return update


def _raw(variable):
    is_keras = isinstance(variable, keras.Variable)
    return variable.value if is_keras else variable


def _plain(layers):
    """Lists that are no more than that; TensorFlow tracks those of objects."""
    if layers is None:
        return None
    return [
        entry if isinstance(entry, str) else list(entry) for entry in layers
    ]


def _check_factors(decay, multipliers):
    if decay is None and not multipliers:
        raise ValueError(
            "LayerwiseLearningRate needs `decay=` or `multipliers=`, else all "
            "layers would learn alike."
        )
    if decay is not None and not (
        isinstance(decay, numbers.Real) and decay > 0
    ):
        raise invalid_argument("decay", decay, "a positive number")
    for pattern, value in (multipliers or {}).items():
        if not isinstance(value, numbers.Real) or not value >= 0:
            raise invalid_argument(
                f"multipliers[{pattern!r}]", value, "a number of at least 0"
            )
