"""An optimizer for variables that begin to learn at different times."""

import keras

from keras_transfer._public import public
from keras_transfer.training.optimizer_wrapper import OptimizerWrapper
from keras_transfer.training.optimizer_wrapper import fresh_copy
from keras_transfer.training.variable_paths import aligned


@public("training")
class StagedOptimizer(OptimizerWrapper):
    """One copy of an optimizer for each group of variables.

    Adam divides by what its averages lack after so many steps. The count of
    steps is one for all variables, so that those which join at step 1000 get
    a first step of (1 - beta_1) / sqrt(1 - beta_2) = 3.2 times the size that
    a new optimizer would make. Here each group has its own count and state,
    which begin when the group does.

    The learning rate is one for all, and schedules follow the steps of the
    whole training. A norm that gradients are clipped at (`global_clipnorm`)
    is that of a group.

    Args:
        optimizer: A `keras.optimizers.Optimizer` that was not used yet. It
            gives the settings, and is not built itself.
        groups: List of lists of paths of variables. Variables in none of them
            belong to the first.
        name: Optional name.
    """

    def __init__(self, optimizer, groups, name=None):
        inner = keras.optimizers.get(optimizer)
        while isinstance(inner, OptimizerWrapper):
            inner = inner.optimizer
        super().__init__(optimizer, learning_rate=_rate(inner), name=name)
        self.groups = [list(group) for group in groups]
        # Of those that are not built for yet: `(path, group)`.
        self._expected = [
            (path, index)
            for index, group in enumerate(self.groups)
            for path in group
        ]
        self._group_of = {}
        # Behind a function: Keras would save each of them by itself.
        parts = tuple(self._copy() for _ in self.groups)
        self._parts = lambda: parts

    def parts(self):
        """The copies of the optimizer, one for each group."""
        return self._parts()

    def has_groups(self, groups):
        """Whether lists of paths are those of its groups."""
        return len(groups) == len(self.groups) and all(
            len(now) == len(own) and None not in aligned(now, own)
            for now, own in zip(groups, self.groups, strict=True)
        )

    @property
    def variables(self):
        own = self._variables[:]
        for part in self.parts():
            if part.built:
                own.extend(part.variables)
        return own

    def build(self, variables):
        """Builds for variables; more may come later, in groups of their own."""
        known = list(self._trainable_variables)
        new = [
            variable
            for variable in variables
            if self._var_key(variable) not in self._trainable_variables_indices
        ]
        if not new:
            return
        self._place(new)
        for part, group in zip(self.parts(), self._grouped(new), strict=True):
            if not group:
                continue
            if part.built:
                raise ValueError(
                    "The optimizer has no state for "
                    f"{group[0].path!r}, which begins to learn after others "
                    "of its group have. Compile the model again."
                )
            part.build(group)
        super().build(known + new)

    def apply(self, grads, trainable_variables=None):
        if len(grads) == 0:
            return
        grads, variables = self._known(grads, trainable_variables)
        pairs = zip(grads, variables, strict=True)
        groups = self._grouped(list(pairs), key=lambda pair: pair[1])
        for part, group in zip(self.parts(), groups, strict=True):
            if any(gradient is not None for gradient, _ in group):
                part.apply(*zip(*group, strict=True))
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list):
        for part in self.parts():
            # The others have no averages yet.
            if part.built and int(part.iterations) > 0:
                part.finalize_variable_values(part._trainable_variables)

    def save_own_variables(self, store):
        for key, variable in self._state().items():
            store[key] = variable.numpy()

    def load_own_variables(self, store):
        # A group that did not learn when the file was written has no state.
        for key, variable in self._state().items():
            if key in store.keys():  # noqa: SIM118  (not quite a dict)
                variable.assign(store[key])

    def get_config(self):
        return {
            "name": self.name,
            "optimizer": self._inner_config(),
            "learning_rate": super().get_config()["learning_rate"],
            "groups": [list(group) for group in self.groups],
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        rate = config.pop("learning_rate")
        config["optimizer"] = keras.saving.deserialize_keras_object(
            config["optimizer"], custom_objects=custom_objects
        )
        created = cls(**config)
        if isinstance(rate, float):
            # It may have been set in training.
            created.learning_rate = rate
        return created

    def _copy(self):
        copy = fresh_copy(self.optimizer)
        copy.learning_rate = self._current_rate
        return copy

    def _current_rate(self):
        return self.learning_rate

    def _place(self, variables):
        """Notes to which group each of some new variables belongs."""
        places = aligned(
            [variable.path for variable in variables],
            [path for path, _ in self._expected],
        )
        for variable, place in zip(variables, places, strict=True):
            group = 0 if place is None else self._expected[place][1]
            self._group_of[self._var_key(variable)] = group
        taken = set(places)
        self._expected = [
            entry
            for index, entry in enumerate(self._expected)
            if index not in taken
        ]

    def _grouped(self, items, key=lambda item: item):
        groups = [[] for _ in self.groups]
        for item in items:
            groups[self._group_of[self._var_key(key(item))]].append(item)
        return groups

    def _state(self):
        state = {f"own_{i}": v for i, v in enumerate(self._variables)}
        for number, part in enumerate(self.parts()):
            if part.built:
                for i, variable in enumerate(part.variables):
                    state[f"group_{number}_{i}"] = variable
        return state


def _rate(optimizer):
    """The learning rate as it was given: a number or a schedule."""
    rate = optimizer.get_config()["learning_rate"]
    return keras.saving.deserialize_keras_object(rate)
