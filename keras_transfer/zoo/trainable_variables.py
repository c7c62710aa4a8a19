"""Which variables of a SavedModel learn."""

import fnmatch

from keras_transfer._public import invalid_argument


def trained_names(variables, patterns=None):
    """Names of the variables that may learn.

    Args:
        variables: List of `saved_model.NamedVariable`.
        patterns: Wildcard pattern, or several, for the whole name or its part
            behind any `/`; `None` for all that the SavedModel trains.

    Returns:
        A set of names.

    Raises:
        ValueError: If a pattern matches nothing.
    """
    names = [v.name for v in variables if v.trainable]
    if patterns is None:
        return set(names)
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    matched = set()
    for pattern in patterns:
        found = {name for name in names if _matches(name, pattern)}
        if not found:
            raise invalid_argument(
                "trainable_variables_matching",
                pattern,
                f"a pattern for some of {', '.join(names[:8])}"
                f"{', ...' if len(names) > 8 else ''}",
            )
        matched |= found
    return matched


def check_trainable(trainable, trained, signature, card):
    """Refuses to train what cannot be trained.

    Args:
        trainable: As given to the layer.
        trained: Names of the variables that may learn.
        signature: Name of the signature that is used, or `None`.
        card: The `Card`, or `None`.

    Raises:
        ValueError: If `trainable` is no boolean, or True in vain.
    """
    if not isinstance(trainable, bool):
        raise invalid_argument(
            "trainable",
            trainable,
            "a boolean",
            "Pass a pattern as trainable_variables_matching=.",
        )
    if not trainable:
        return
    if signature is not None:
        reason = "a signature is not trainable"
    elif card is not None and not card.fine_tunable:
        reason = f"{card.name!r} is not made to be fine-tuned"
    elif not trained:
        reason = "this SavedModel has no trainable variables"
    else:
        return
    raise invalid_argument("trainable", trainable, f"False: {reason}")


def _matches(name, pattern):
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(
        name, f"*/{pattern}"
    )
