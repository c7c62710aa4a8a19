"""MAML's inner loop as one would write it by hand, on a model's variables.

It shares nothing with the package but the model: Keras' own layers, whose
first derivatives are right, and steps that are assigned.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

RATE = 0.3


def cross_entropy(labels, logits):
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    )


class Twin:
    """The loss of the queries of a task after inner steps.

    Args:
        model: A built model; left as it was.
        steps: Number of inner steps.
        statistics: Name of the batch-norm mode of the queries.
        rates: Function of a step and the position of a variable to its rate.
        adapted: Positions of the variables that change, `None` for all.
        prototypes: Whether the head begins with the means of the classes.
    """

    def __init__(
        self,
        model,
        steps,
        statistics="transductive",
        rates=lambda step, position: RATE,
        adapted=None,
        prototypes=False,
    ):
        self.model = model
        self.steps = steps
        self.statistics = statistics
        self.rates = rates
        self.adapted = adapted
        self.prototypes = prototypes

    def loss(self, x, y, task):
        """The loss of one task, float64."""
        before = self.model.get_weights()
        try:
            self._adapt(x["support"][task], y["support"][task])
            return float(self._query_loss(x, y, task, before))
        finally:
            self.model.set_weights(before)

    def mean_loss(self, x, y):
        tasks = len(y["query"])
        return np.mean([self.loss(x, y, task) for task in range(tasks)])

    def first_order_gradient(self, x, y):
        """The gradient at the adapted weights, mean over tasks."""
        total = 0.0
        for task in range(len(y["query"])):
            before = self.model.get_weights()
            self._adapt(x["support"][task], y["support"][task])
            with tf.GradientTape() as tape:
                loss = self._query_loss(x, y, task, before)
            found = tape.gradient(
                loss, [v.value for v in self.model.trainable_variables]
            )
            total = total + np.concatenate([np.ravel(g) for g in found])
            self.model.set_weights(before)
        return total / len(y["query"])

    def _adapt(self, x, labels):
        if self.prototypes:
            self._set_prototypes(x, labels)
        variables = self.model.trainable_variables
        for step in range(self.steps):
            with tf.GradientTape() as tape:
                loss = cross_entropy(labels, self.model(x, training=True))
            gradients = tape.gradient(loss, [v.value for v in variables])
            for position, gradient in enumerate(gradients):
                if self.adapted is None or position in self.adapted:
                    variables[position].assign_sub(
                        self.rates(step, position)
                        * tf.convert_to_tensor(gradient)
                    )

    def _set_prototypes(self, x, labels):
        *_, head = self.model.layers
        body = keras.Model(self.model.input, head.input)
        features = np.array(body(x, training=True))
        means = np.stack(
            [features[labels == k].mean(0) for k in range(head.units)]
        )
        head.kernel.assign(2.0 * means.T)
        head.bias.assign(-(means**2).sum(1))

    def _query_loss(self, x, y, task, before):
        query, labels = x["query"][task], y["query"][task]
        support = x["support"][task]
        if self.statistics == "transductive":
            return cross_entropy(labels, self.model(query, training=True))
        if self.statistics == "support_plus_one":
            logits = [
                self.model(np.concatenate([support, row[None]]), training=True)
                for row in query
            ]
            return cross_entropy(
                labels, tf.stack([rows[-1] for rows in logits])
            )
        if self.statistics == "support":
            return cross_entropy(labels, self._by_support(support, query))
        norms = _norms(self.model)
        for variable, value in zip(self.model.variables, before, strict=True):
            if any(variable is v for n in norms for v in n.variables[-2:]):
                variable.assign(value)
        return cross_entropy(labels, self.model(query, training=False))

    def _by_support(self, support, query):
        """Layer by layer, the moments of the support for both."""
        for layer in self.model.layers[1:]:
            if isinstance(layer, layers.BatchNormalization):
                axes = range(len(support.shape) - 1)
                mean = tf.reduce_mean(support, axes)
                variance = tf.math.reduce_variance(support, axes)
                scale = layer.gamma / tf.sqrt(variance + layer.epsilon)
                support, query = (
                    (rows - mean) * scale + layer.beta
                    for rows in (support, query)
                )
            else:
                support, query = layer(support), layer(query)
        return query


def _norms(model):
    return [
        layer
        for layer in model.layers
        if isinstance(layer, layers.BatchNormalization)
    ]


def along(function, variables, direction, step=1e-5):
    """The central difference of a function of variables.

    Args:
        function: Function without arguments.
        variables: What it reads.
        direction: An array for each.
        step: How far to go.
    """
    values = [np.array(variable) for variable in variables]
    found = []
    for sign in (1.0, -1.0):
        for variable, value, way in zip(
            variables, values, direction, strict=True
        ):
            variable.assign(value + sign * step * way)
        found.append(function())
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return (found[0] - found[1]) / (2.0 * step)
