"""Recipes from files, checked before anything else happens."""

import pathlib
import tomllib

from keras_transfer.cli.recipes.recipe import Recipe
from keras_transfer.cli.recipes.sections import section

#: What each family cannot do without, and what it has no use for.
_NEEDS = {
    "adaptation": ("data source", "data target", "model", "budget"),
    "finetune": ("data target", "model backbone", "budget"),
    "few_shot": ("data source", "data held_out", "model", "budget"),
    "subspace": ("data source", "data target"),
}
_UNUSED = {
    "adaptation": (),
    "finetune": (
        "data source",
        "data held_out",
        "model network",
        "budget optimizer",
        "budget jit_compile",
    ),
    "few_shot": ("data target", "data per_class", "export"),
    "subspace": ("data held_out", "model", "budget", "export"),
}
#: Options that only some values of another one have: `[method]` alignment
#: "dann" has a strength.
_ONLY_WITH = (
    ("method strength", "method alignment", ("dann",)),
    ("method discriminator_units", "method alignment", ("dann",)),
    ("method weight", "method alignment", ("dann", "dan", "deep_coral")),
    (
        "method dimensions",
        "method layer",
        (
            "pca",
            "subspace_alignment",
            "geodesic_flow_kernel",
            "transfer_component_analysis",
        ),
    ),
    ("method head_epochs", "method strategy", ("lora", "gradual", "full")),
    (
        "method head_learning_rate",
        "method strategy",
        ("lora", "gradual", "full"),
    ),
    ("model units", "model network", ("dense",)),
    ("model batch_norm", "model network", ("lenet", "dense")),
    ("model dropout", "model network", ("lenet", "digits", "dense", None)),
)


def read_recipe(path):
    """Reads a recipe.

    Args:
        path: A TOML file.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: If it is no TOML, a key is unknown, missing or of no use
            to the method, or a value will not do: in one sentence with the
            file, the section and the key.
        OSError: If there is no such file.
    """
    path = pathlib.Path(path)
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML file: {error}") from error
    recipe = section(Recipe, tables, f"{path}:")
    if recipe.recipe.name != path.stem:
        raise ValueError(
            f"{path}: [recipe] name must be that of the file, {path.stem!r}. "
            f"Received: {recipe.recipe.name!r}"
        )
    seeds = recipe.seeds
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(
            f"{path}: seeds must be different integers, at least one. "
            f"Received: {list(seeds)}"
        )
    _check_use(tables, path)
    return recipe


def _check_use(tables, path):
    """Refuses what is missing, and what would be read by nobody."""
    family = tables["method"]["family"]
    for place in _NEEDS[family]:
        if _given(tables, place) is None:
            raise ValueError(f"{path}: {family} needs {_shown(place)}.")
    for place in _UNUSED[family]:
        if _given(tables, place) is not None:
            raise ValueError(
                f"{path}: {family} has no use for {_shown(place)}. Remove it."
            )
    for place, other, values in _ONLY_WITH:
        value = _given(tables, other)
        if _given(tables, place) is not None and value not in values:
            known = [repr(value) for value in values if value is not None]
            raise ValueError(
                f"{path}: {_shown(place)} has no effect with {_shown(other)} "
                f"= {value!r}, but with {' or '.join(known)}. Remove it."
            )
    if "model" in tables:
        _check_model(tables["model"], path)


def _check_model(table, path):
    if ("network" in table) == ("backbone" in table):
        raise ValueError(
            f"{path}: [model] must have a network or a backbone, one of them."
        )


def _given(tables, place):
    """What stands at `"section key"` or `"section"`, or `None`."""
    found = tables
    for part in place.split():
        found = found.get(part)
        if found is None:
            return None
    return found


def _shown(place):
    name, _, key = place.partition(" ")
    return f"[{name}] {key}".rstrip()
