"""State that Keras leaves out of a weights file: the random generators."""

_PREFIX = "seed_generator_"


def is_seed(variable):
    """Whether a variable is the state of a seed generator."""
    return variable.path.endswith("seed_generator_state")


def save_seeds(model, store):
    """Adds the state of all seed generators of a model to a store."""
    for key, variable in _seeds(model).items():
        store[key] = variable.numpy()


def load_seeds(model, store):
    """Restores the generators; returns what else the store holds."""
    seeds = _seeds(model)
    rest = {}
    for key in store.keys():  # noqa: SIM118  (a store is not quite a dict)
        if key in seeds:
            seeds[key].assign(store[key])
        elif not key.startswith(_PREFIX):
            rest[key] = store[key]
    return rest


def _seeds(model):
    """The states in a fixed order: that in which Keras lists variables."""
    states = [variable for variable in model.variables if is_seed(variable)]
    return {
        f"{_PREFIX}{index}": variable for index, variable in enumerate(states)
    }
