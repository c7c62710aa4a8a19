"""The state of an optimizer, for the variables of a grown model."""

import warnings

import keras
import numpy as np

from keras_transfer._public import invalid_argument

#: To which power a state goes with the gradient, by what Keras calls it.
#: `"weight"`: it is a value of the variable itself.
POWERS = {
    "accumulated_delta_var": 0,
    "accumulated_grad": 2,
    "accumulator": 2,
    "average": "weight",
    "average_gradient": 1,
    "gradient_accumulator": 1,
    "momentum": 1,
    "norm": 1,
    "velocity": 2,
    "velocity_hat": 2,
}
#: Where an optimizer means something else by the name.
EXCEPTIONS = {
    ("RMSprop", "momentum"): 0,
    ("ScheduleFreeAdamW", "momentum"): "weight",
}


def check_compiled(model):
    """Raises an error if there is no optimizer whose state could be kept."""
    if not model.compiled or getattr(model, "optimizer", None) is None:
        raise invalid_argument(
            "carry_optimizer", True, "`False` for a model that is not compiled"
        )
    inner = _innermost(model.optimizer)
    if isinstance(inner, keras.optimizers.Ftrl):
        raise invalid_argument(
            "carry_optimizer",
            True,
            "`False` with Ftrl, which makes the weights anew from its state",
        )


def carry_over(old_model, new_model, pairs):
    """Compiles a model as another one, and copies the optimizer's state.

    Args:
        old_model: Compiled model.
        new_model: Model that was made from it; is compiled.
        pairs: List of `(old, new, steps)` for the variables.
    """
    _compile_alike(old_model, new_model)
    old, new = old_model.optimizer, new_model.optimizer
    if not old.built:
        return
    kind = type(_innermost(old)).__name__
    origins = {id(new): (old, steps) for old, new, steps in pairs}
    old_slots, old_rest = _slots(old, old_model.variables)
    new_slots, new_rest = _slots(new, new_model.variables)
    old_slots = {(id(owner), name): slot for owner, name, slot in old_slots}
    for owner, name, slot in new_slots:
        power = EXCEPTIONS.get((kind, name), POWERS.get(name))
        origin, steps = origins.get(id(owner), (None, []))
        old_slot = old_slots.get((id(origin), name))
        if origin is None and power == "weight":
            # A mean that begins at zero would stay too small for long.
            slot.assign(owner)
        elif old_slot is not None:
            _assign(slot, old_slot, origin, steps, power)
    _copy_rest(old_rest, new_rest)


def _compile_alike(old_model, new_model):
    hint = "Leave `carry_optimizer` out, and compile the new model."
    with warnings.catch_warnings():
        # What they say of lambdas and of a `compile` of its own is an error
        # here.
        warnings.simplefilter("ignore", UserWarning)
        try:
            new_model.compile_from_config(old_model.get_compile_config())
        except (TypeError, ValueError) as error:
            raise ValueError(
                "What the model was compiled with cannot be copied, such as "
                f"a loss that is a lambda. {hint}"
            ) from error
    if not new_model.compiled:
        raise ValueError(
            f"The model has a `compile` of its own, to be called by you. {hint}"
        )


def _copy_rest(old_rest, new_rest):
    for name, variables in new_rest.items():
        old = old_rest.get(name, [])
        if len(old) != len(variables):
            continue  # Which is whose is not known.
        for ours, theirs in zip(old, variables, strict=True):
            if ours.shape == theirs.shape:
                theirs.assign(ours)


def _assign(slot, old_slot, origin, steps, power):
    value = keras.ops.convert_to_numpy(old_slot)
    if steps:
        if power is None or value.shape != tuple(origin.shape):
            return  # Such as Adafactor's rows and columns, which begin anew.
        value = value.astype("float64")
    for step in steps:
        if power == "weight":
            value = step.of_weight(value)
        else:
            value = step.of_slot(value, power)
    slot.assign(np.asarray(value))


def _innermost(optimizer):
    """The optimizer inside those that wrap it."""
    for name in ("inner_optimizer", "optimizer"):
        inner = getattr(optimizer, name, None)
        if isinstance(inner, keras.optimizers.Optimizer):
            return _innermost(inner)
    return optimizer


def _slots(optimizer, variables):
    """What an optimizer keeps for each variable, and the rest.

    Keras calls it by the path of the variable and the name of the slot, as
    `dense_kernel_momentum`.

    Returns:
        `(slots, rest)`: a list of `(variable, name of slot, slot)`, and a
        dict from names, without the numbers that Keras adds, to lists of the
        other variables.
    """
    by_path = {}
    for variable in variables:
        by_path.setdefault(variable.path.replace("/", "_"), []).append(variable)
    slots, rest, seen = [], {}, {}
    for slot in optimizer.variables:
        path, name = _path_and_name(slot.name, by_path)
        if path is None:
            base = slot.name.rstrip("0123456789").rstrip("_")
            rest.setdefault(base, []).append(slot)
            continue
        # Variables of the same path come in the same order.
        number = seen.get(slot.name, 0)
        seen[slot.name] = number + 1
        owners = by_path[path]
        slots.append((owners[number % len(owners)], name, slot))
    return slots, rest


def _path_and_name(slot_name, paths):
    """Splits at the last underscore that leaves the path of a variable."""
    for end in range(len(slot_name) - 1, 0, -1):
        if slot_name[end] == "_" and slot_name[:end] in paths:
            return slot_name[:end], slot_name[end + 1 :]
    return None, slot_name
