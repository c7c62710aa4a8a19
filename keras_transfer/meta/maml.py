"""Model-agnostic meta-learning."""

import keras

from keras_transfer._public import invalid_argument
from keras_transfer._public import public
from keras_transfer.meta import adapted_part
from keras_transfer.meta import adapting_trainer
from keras_transfer.meta import maml_arguments
from keras_transfer.meta import outer_step
from keras_transfer.meta.adapting_trainer import AdaptingTrainer
from keras_transfer.meta.derivative_order_annealing import (
    DerivativeOrderAnnealing,
)
from keras_transfer.meta.fast_model import FastModel
from keras_transfer.meta.inner_loop import InnerLoop
from keras_transfer.meta.inner_rates import InnerRates
from keras_transfer.meta.meta_gradient import MetaGradient
from keras_transfer.meta.multi_step_loss import MultiStepLoss
from keras_transfer.meta.per_step_batch_norm import PerStepBatchNorm
from keras_transfer.meta.prototype_start import PrototypeStart
from keras_transfer.meta.step_variables import StepVariables
from keras_transfer.ops.precision import at_least_float32
from keras_transfer.training import data_epoch


@public("meta")
class MAML(AdaptingTrainer):
    """Trains a model so that a few gradient steps fit it to a new task.

    Formula, with `S_i` and `Q_i` the support and queries of task `i`:

        theta_i = theta - alpha * grad L(S_i, theta), repeated
        minimise mean_i L(Q_i, theta_i) over theta

    through the inner steps, that is with second derivatives, or with inner
    gradients as constants (`first_order`). `compile` and `fit` are those of
    Keras; the optimizer is that of the outer loop, gradient clipping
    included. The model is trained in place and is the result; `adapt` makes a
    plain model for a new task of it.

    The loss that `compile` gets, by default the cross-entropy of logits, is
    that of both loops, as its mean over examples. The authors sum over
    classes: their `inner_learning_rate` 0.4 in 5-way tasks of one shot equals
    2.0 here. Any loss of one output will do, for regression too.

    In the inner loop batch norm always normalises the support by its own
    statistics. For the queries it takes what `statistics` says:

    - `"transductive"`: those of all queries of the task together, as the
      authors do. It needs the queries at once and scores higher for it.
    - `"support_plus_one"`: those of the support and one query at a time.
    - `"support"`: those of the support. No query sees another.
    - `"moving"`: the moving statistics of the model.

    `evaluate_episodes` evaluates in all of them. Moving statistics move in
    each step of training by the mean over tasks. Dropout is on in both loops
    in training and off in tests. Regularization losses count once, in the
    outer loop. Gamma and beta of batch norm are adapted like other weights;
    `adapt="!*batch_normalization*"` leaves them out.

    Bad at: models with more than some million weights, as an inner loop takes
    about six passes, all in memory; tasks that need many steps; half
    precision without loss scaling. `first_order` halves the time.

    On a CPU, tasks run beside each other. Small networks gain from an
    operation that keeps to one thread, for the others to take other tasks:
    call `tf.config.threading.set_intra_op_parallelism_threads(1)` before
    anything else, for up to twice the speed on two cores.

    Args:
        model: A built `keras.Model` with as many outputs as ways.
        inner_learning_rate: Step size of the inner loop.
        inner_steps: Number of inner steps in training. With 0 the model is
            trained on the queries.
        first_order: Whether inner gradients count as constants.
        adapt: What the inner loop changes: `"all"`, `"head"` (the last dense
            or convolutional layer, as ANIL), or a wildcard pattern, or a list
            of them, for paths of variables or names of layers; `"!"` in front
            leaves them out.
        learn_inner_rates: `None`; `"shared"` to learn the step size;
            `"layer_and_step"` for one of each variable and step (MAML++);
            `"parameter"` for one of each weight (Meta-SGD).
        statistics: See above; in training, `evaluate` and `predict`.
        options: `meta.MultiStepLoss`, `meta.DerivativeOrderAnnealing`,
            `meta.PerStepBatchNorm`, or several, in a list.
        initialization: `"prototypes"` to begin with a head made of the class
            means of the support (ProtoMAML), or `None`.
        inner_steps_at_test: By default `inner_steps`.
        inner_gradient_clip: Largest absolute value of an inner gradient.
        parallel_tasks: How many tasks may run at a time. Fewer need less
            memory.
        **kwargs: Passed to `keras.Model`.

    Example:

    >>> import keras, numpy as np
    >>> import keras_transfer as kt
    >>> model = keras.Sequential([
    ...     keras.Input((4,)),
    ...     keras.layers.Dense(8, activation="relu"),
    ...     keras.layers.Dense(5),
    ... ])
    >>> maml = kt.meta.MAML(model, inner_learning_rate=0.4)
    >>> maml.compile("adam")
    >>> x, y = np.random.rand(60, 4), np.repeat(np.arange(6), 10)
    >>> episodes = kt.data.episodes(
    ...     x, y, ways=5, shots=2, queries=3, tasks=4, steps_per_epoch=4
    ... )
    >>> history = maml.fit(episodes, epochs=2, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
    >>> maml.adapt(x[:50], y[:50])(x[:7]).shape
    TensorShape([7, 5])

    Reference:

    - [Finn et al., 2017, Model-Agnostic Meta-Learning, algorithm
      2](https://arxiv.org/abs/1703.03400)
    - [Raghu et al., 2020](https://arxiv.org/abs/1909.09157) for ANIL,
      [Li et al., 2017](https://arxiv.org/abs/1707.09835) for Meta-SGD,
      [Antoniou et al., 2019](https://arxiv.org/abs/1810.09502) for MAML++,
      [Triantafillou et al., 2020](https://arxiv.org/abs/1903.03096) for
      ProtoMAML
    """

    def __init__(
        self,
        model,
        inner_learning_rate=0.4,
        inner_steps=1,
        first_order=False,
        adapt="all",
        learn_inner_rates=None,
        statistics="transductive",
        options=(),
        initialization=None,
        inner_steps_at_test=None,
        inner_gradient_clip=None,
        parallel_tasks=8,
        **kwargs,
    ):
        adapted_part.check_model(model)
        kwargs.setdefault("dtype", model.dtype_policy)
        super().__init__(autocast=False, **kwargs)
        self.model = model
        self.inner_learning_rate = inner_learning_rate
        self.inner_steps = inner_steps
        self.first_order = first_order
        self.adapted = adapt  # `adapt` is a method
        self.learn_inner_rates = learn_inner_rates
        self.statistics = statistics
        self.options = list(maml_arguments.options_by_kind(options).values())
        self.initialization = initialization
        self.inner_steps_at_test = inner_steps_at_test
        self.inner_gradient_clip = inner_gradient_clip
        self.parallel_tasks = parallel_tasks
        maml_arguments.check(self)
        self._make_variables()
        self.inner_loop()  # what is wrong with the model is wrong now
        self.built = True

    def compile(self, optimizer="adam", loss=None, **kwargs):
        """`keras.Model.compile`, with one loss for both loops.

        Args:
            optimizer: Of the outer loop.
            loss: A single loss, as in Keras; by default the cross-entropy of
                logits.
            **kwargs: As in Keras; `metrics` are `["accuracy"]` by default.
        """
        if isinstance(loss, list | tuple | dict):
            raise invalid_argument("loss", loss, "one loss, for one output")
        keras.losses.get(loss)  # an unknown name is an error here
        # XLA wants fixed shapes, and convolutions are slow with it on a CPU.
        kwargs.setdefault("jit_compile", False)
        super().compile(optimizer, loss, **kwargs)

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        kwargs["callbacks"] = [
            data_epoch.DataEpoch(self._epoch),
            *data_epoch.as_list(kwargs.get("callbacks")),
        ]
        return super().fit(x, y, batch_size, epochs, **kwargs)

    fit.__doc__ = AdaptingTrainer.fit.__doc__

    def train_step(self, data):
        x, y, weights = adapting_trainer.unpacked(data)
        loop, state = self.inner_loop(), self.state_variables()
        variables = self.trainable_variables
        scale_loss = self.optimizer.scale_loss
        result = outer_step.result_of_epoch(
            MetaGradient(
                loop,
                variables,
                state,
                self.statistics,
                self.inner_steps,
                scale_loss,
                self.parallel_tasks,
            ),
            x,
            y,
            self._epoch,
            self.inner_steps,
            self.first_order,
            self._option(DerivativeOrderAnnealing),
            self._option(MultiStepLoss),
        )
        gradients, cost = outer_step.with_regularization(
            result.gradients, variables, scale_loss
        )
        self.optimizer.apply(gradients, variables)
        outer_step.assign_state(loop.fast, state, result.state)
        return self.logs(
            result.loss + cost, y["query"], result.outputs, weights
        )

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "model": serialize(self.model),
            "inner_learning_rate": self.inner_learning_rate,
            "inner_steps": self.inner_steps,
            "first_order": self.first_order,
            "adapt": self.adapted,
            "learn_inner_rates": self.learn_inner_rates,
            "statistics": self.statistics,
            "options": [serialize(option) for option in self.options],
            "initialization": self.initialization,
            "inner_steps_at_test": self.inner_steps_at_test,
            "inner_gradient_clip": self.inner_gradient_clip,
            "parallel_tasks": self.parallel_tasks,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        model = keras.saving.deserialize_keras_object(
            config["model"], custom_objects=custom_objects
        )
        options = [
            keras.saving.deserialize_keras_object(option)
            for option in config["options"]
        ]
        return cls(**{**config, "model": model, "options": options})

    # === Helpers ===

    def _make_variables(self):
        """What is trained or counted beside the model."""
        self._step_variables = None
        if self._option(PerStepBatchNorm) is not None:
            self._step_variables = StepVariables(
                FastModel(self.model), self.inner_steps, name="step_variables"
            )
        self._inner_rates = InnerRates(
            self._adapted_variables(),
            self.learn_inner_rates,
            self.inner_learning_rate,
            self.inner_steps,
            name="inner_rates",
        )
        self._epoch = None
        if self._option(MultiStepLoss) or self._option(
            DerivativeOrderAnnealing
        ):
            self._epoch = self.add_weight(
                name="epoch",
                shape=(),
                dtype="int32",
                initializer="zeros",
                trainable=False,
            )

    def _option(self, kind):
        found = [option for option in self.options if type(option) is kind]
        return found[0] if found else None

    def _adapted_variables(self):
        variables = adapted_part.adapted_variables(self.model, self.adapted)
        if self._step_variables is None:
            return variables
        left = [v for v in variables if not self._step_variables.has(v)]
        if not left:
            raise invalid_argument(
                "adapt",
                self.adapted,
                "more than batch norm, which PerStepBatchNorm leaves out",
            )
        return left

    def inner_loop(self):
        """Made anew for each trace: layers may have been frozen meanwhile."""
        fast = FastModel(self.model)
        start = None
        if self.initialization == "prototypes":
            start = PrototypeStart(fast, adapted_part.head_of(self.model))
        return InnerLoop(
            fast,
            self._adapted_variables(),
            self._inner_rates,
            self._loss_of,
            step_variables=self._step_variables,
            start=start,
            clip=self.inner_gradient_clip,
        )

    def _loss_of(self, labels, outputs):
        loss = self.loss if self.compiled else self.default_loss()
        return outer_step.mean_loss(
            keras.losses.get(loss), labels, at_least_float32(outputs)
        )

    def state_variables(self):
        variables = list(self.model.non_trainable_variables)
        if self._step_variables is not None:
            variables += self._step_variables.non_trainable_variables
        return variables
