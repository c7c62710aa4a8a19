"""The step sizes of an inner loop."""

import keras
import tensorflow as tf

KINDS = (None, "shared", "layer_and_step", "parameter")


class InnerRates(keras.layers.Layer):
    """Step sizes, fixed or learnt.

    Learnt ones may become negative.

    Args:
        variables: The variables that are adapted.
        kind: `None` for the fixed number, `"shared"` for one weight,
            `"layer_and_step"` for one of each variable and step, or
            `"parameter"` for one of each entry of each variable.
        initial: The number, or where the weights begin.
        steps: Number of inner steps in training; later ones use the last.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, variables, kind, initial, steps, **kwargs):
        super().__init__(**kwargs)
        self._kind = kind
        self._initial = initial
        self._steps = max(steps, 1)
        self._rates = {}
        shared = self._rate("rate", ()) if kind == "shared" else None
        for number, variable in enumerate(variables if kind else ()):
            rate = shared
            if rate is None:
                by_step = kind == "layer_and_step"
                rate = self._rate(
                    f"{number}_{variable.path.replace('/', '_')}",
                    (self._steps,) if by_step else variable.shape,
                )
            self._rates[str(id(variable))] = rate
        self.built = True

    def call(self, inputs):
        return inputs

    def at(self, step, variable, values):
        """The rate of a variable at a step.

        Args:
            step: Its number, from 0.
            variable: The variable that is adapted.
            values: Dict of the values of variables, by id.

        Returns:
            A number, or a tensor.
        """
        if self._kind is None:
            return self._initial
        rate = self._rates.get(str(id(variable)))
        if rate is None:
            raise ValueError(
                f"The variable {variable.path!r} was frozen when its trainer "
                "was made, and has no inner rate to learn. Make a new trainer."
            )
        value = values[id(rate)]
        if self._kind == "layer_and_step":
            return value[min(step, self._steps - 1)]
        return value

    def _rate(self, name, shape):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.Constant(self._initial),
            autocast=False,
        )


def stepped(weight, rate, gradient):
    """A weight after a step downhill."""
    if tf.is_tensor(rate):
        rate = tf.cast(rate, weight.dtype)
    return weight - rate * gradient
