"""The inner loop of MAML: gradient descent on the support of one task."""

from typing import Any
from typing import NamedTuple

import tensorflow as tf

from keras_transfer.meta import batch_statistics
from keras_transfer.meta.inner_rates import stepped

#: Half precision loses small gradients; a power of two costs no digits.
_HALF_SCALE = 1024.0


class Point(NamedTuple):
    """Where an inner loop stands.

    Attributes:
        weights: Dict of tensors, by the id of a trainable variable.
        state: Dict of tensors, by the id of another one.
        step: Number of steps taken.
    """

    weights: Any
    state: Any
    step: int


class InnerLoop:
    """Steps of gradient descent that can be derived through.

    The support always runs with its own batch statistics.

    Args:
        fast: A `FastModel`.
        adapted: List of the variables that change.
        rates: The `InnerRates` of these.
        loss: Function of labels and outputs to a scalar.
        step_variables: `StepVariables`, or `None`.
        start: `PrototypeStart`, or `None`.
        clip: Largest absolute value of an inner gradient, or `None`.
    """

    def __init__(
        self,
        fast,
        adapted,
        rates,
        loss,
        step_variables=None,
        start=None,
        clip=None,
    ):
        self.fast = fast
        self.loss = loss
        self._adapted = adapted
        self._rates = rates
        self._step_variables = step_variables
        self._start = start
        self._clip = clip
        is_half = fast.model.compute_dtype == "float16"
        self._scale = _HALF_SCALE if is_half else 1.0

    def points(self, point, x, labels, steps, training, first_order=False):
        """Descends on a support.

        Args:
            point: The first `Point`.
            x: Examples `(rows, ...)` without padding.
            labels: Their labels.
            steps: How many.
            training: Python boolean; for dropout and the like.
            first_order: Whether inner gradients count as constants.

        Yields:
            The `Point` before the first and after each step.
        """
        if self._start is not None:
            weights, state = self._start.weights(
                self._weights_at(point),
                self._state_at(point),
                x,
                labels,
                training,
            )
            point = point._replace(
                weights=point.weights | weights,
                state=self._kept(point, state),
            )
        yield point
        for _ in range(steps):
            point = self._after_step(point, x, labels, training, first_order)
            yield point

    def query_outputs(self, point, first, support, query, statistics, training):
        """Runs the queries of a task; as `batch_statistics.query_outputs`.

        Args:
            point: Where the inner loop stands.
            first: The `Point` from which it began, whose moving statistics
                are the model's.
            support: Examples of the support without padding.
            query: Examples of the query without padding.
            statistics: One of `batch_statistics.STATISTICS`.
            training: Python boolean.

        Returns:
            `(outputs, point, losses)`.
        """
        now = self._at_query(point)
        state = moved = self._state_at(now)
        if statistics == "moving":
            # The support has moved them, and is no part of this mode.
            before = self._state_at(now._replace(state=first.state))
            state = self._with_moving(before, state)
        outputs, state, losses = batch_statistics.query_outputs(
            self.fast,
            self._weights_at(now),
            state,
            support,
            query,
            statistics,
            training,
        )
        if statistics == "moving":
            # The queries move none, and training would begin with those of
            # the support again and again.
            state = self._with_moving(moved, state)
        return outputs, point._replace(state=self._kept(now, state)), losses

    def final(self, point, support):
        """Values for a plain model, the moments of the support in it.

        Args:
            point: Where the inner loop stands.
            support: Examples without padding.

        Returns:
            `(weights, state)`, lists in the order of the model's variables.
        """
        now = self._at_query(point)
        weights, state = self._weights_at(now), self._state_at(now)
        if not self.fast.batch_norms():
            return weights, self.fast.state_values()
        moments = batch_statistics.support_state(
            self.fast, weights, state, support
        )
        return weights, self._with_moving(moments, self.fast.state_values())

    def _after_step(self, point, x, labels, training, first_order):
        adapted = [point.weights[id(variable)] for variable in self._adapted]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(adapted)
            outputs, state, _ = self.fast.run(
                self._weights_at(point),
                self._state_at(point),
                x,
                training,
                batch_norm=True,
            )
            loss = self.loss(labels, outputs)
            loss *= tf.cast(self._scale, loss.dtype)
        gradients = tape.gradient(
            loss, adapted, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        weights = {}
        for variable, weight, gradient in zip(
            self._adapted, adapted, gradients, strict=True
        ):
            rate = self._rates.at(point.step, variable, point.weights)
            gradient = self._treated(gradient, first_order)
            weights[id(variable)] = stepped(weight, rate, gradient)
        return Point(
            point.weights | weights, self._kept(point, state), point.step + 1
        )

    def _treated(self, gradient, first_order):
        # Embeddings have sparse gradients.
        gradient = tf.convert_to_tensor(gradient)
        gradient /= tf.cast(self._scale, gradient.dtype)
        if first_order:
            gradient = tf.stop_gradient(gradient)
        if self._clip is not None:
            gradient = tf.clip_by_value(gradient, -self._clip, self._clip)
        return gradient

    def _at_query(self, point):
        """Queries take the batch norm of the step that was last."""
        return point._replace(step=max(point.step - 1, 0))

    def _standing_in(self, variable, step):
        if self._step_variables is None:
            return variable
        return self._step_variables.of(variable, step)

    def _weights_at(self, point):
        return [
            point.weights[id(self._standing_in(variable, point.step))]
            for variable in self.fast.trainable
        ]

    def _state_at(self, point):
        return [
            point.state[id(self._standing_in(variable, point.step))]
            for variable in self.fast.state
        ]

    def _with_moving(self, source, state):
        """A state, with the moving statistics of another one."""
        moving = self.fast.batch_norms()
        return [
            other if id(variable) in moving else value
            for variable, other, value in zip(
                self.fast.state, source, state, strict=True
            )
        ]

    def _kept(self, point, state):
        """The state of a point, after a pass has returned a new one."""
        new = {
            id(self._standing_in(variable, point.step)): value
            for variable, value in zip(self.fast.state, state, strict=True)
        }
        return point.state | new
