"""The parts of a step of MAML's outer loop."""

import tensorflow as tf

from keras_transfer.meta import task_rows

#: Reductions of Keras that divide by the number of replicas.
_MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


def result_of_epoch(
    gradient, x, y, epoch, steps, first_order, annealing, multi_step
):
    """What the tasks teach, as the options say for an epoch.

    Args:
        gradient: A `MetaGradient`.
        x: Examples of the tasks.
        y: Their labels.
        epoch: Number of the epoch, or `None` without options.
        steps: Number of inner steps.
        first_order: Whether inner gradients count as constants.
        annealing: A `DerivativeOrderAnnealing`, or `None`.
        multi_step: A `MultiStepLoss`, or `None`.

    Returns:
        A `MetaResult`.
    """

    def with_order(first_order):
        def last_step():
            return gradient.of_tasks(x, y, first_order)

        def all_steps():
            weights = multi_step.weights(epoch, steps)
            return gradient.of_tasks(x, y, first_order, weights)

        if multi_step is None or steps < 2:
            return last_step()
        return tf.cond(epoch < multi_step.epochs, all_steps, last_step)

    if annealing is None or first_order:
        return with_order(first_order)
    # Two graphs, so that the first order is as fast as it can be.
    return tf.cond(
        epoch < annealing.first_order_epochs,
        lambda: with_order(True),
        lambda: with_order(False),
    )


def mean_loss(loss, labels, outputs):
    """The mean of a Keras loss over rows, whatever the strategy.

    Args:
        loss: A `keras.losses.Loss`, or a function of labels and outputs.
        labels: Labels `(rows, ...)`.
        outputs: Outputs `(rows, ...)`.

    Returns:
        A scalar. The reduction of a loss that sums is left as it is.
    """
    value = tf.reduce_mean(loss(labels, outputs))
    if getattr(loss, "reduction", None) in _MEANS:
        # Keras has divided it, as it adds up the gradients of all replicas.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        value *= tf.cast(replicas, value.dtype)
    return value


def regularization(variables):
    """What the regularizers of variables cost."""
    dtype = task_rows.loss_dtype()
    costs = [
        tf.cast(variable.regularizer(variable), dtype)
        for variable in variables
        if variable.regularizer is not None
    ]
    return tf.add_n([tf.zeros((), dtype), *costs])


def with_regularization(gradients, variables, scale_loss):
    """Adds the gradients of the regularization of weights.

    Args:
        gradients: Those of the tasks, scaled.
        variables: What they belong to.
        scale_loss: Function of a loss to a scaled one.

    Returns:
        `(gradients, cost)`: gradients for an optimizer that adds up those of
        the replicas of a distributed step, and the regularization.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    with tf.GradientTape() as tape:
        cost = regularization(variables)
        scaled = scale_loss(cost)
    added = tape.gradient(
        scaled,
        [variable.value for variable in variables],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return [
        (gradient + more) / replicas
        for gradient, more in zip(gradients, added, strict=True)
    ], cost


def assign_state(fast, variables, values):
    """Writes moving statistics and seeds, the former averaged over replicas.

    Args:
        fast: A `FastModel`.
        variables: The variables.
        values: Their new values.
    """
    context = tf.distribute.get_replica_context()
    for variable, value in zip(variables, values, strict=True):
        if fast.is_own(variable):
            continue  # its graph has changed it itself
        if context.num_replicas_in_sync > 1 and value.dtype.is_floating:
            # Frozen weights do not move, whatever the number of replicas.
            old = tf.convert_to_tensor(variable.value)
            value = old + context.all_reduce(
                tf.distribute.ReduceOp.MEAN, value - old
            )
        variable.assign(value)
