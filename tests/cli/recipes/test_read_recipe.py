"""Recipes from files, and what is said of wrong ones."""

import pytest

from keras_transfer.cli.recipes.read_recipe import read_recipe
from tests.cli.recipes import recipe_text


@pytest.mark.parametrize(
    "path", sorted(recipe_text.SHIPPED.glob("*.toml")), ids=lambda p: p.stem
)
def test_every_shipped_recipe_is_valid_and_says_what_came_out(path):
    recipe = read_recipe(path)
    assert recipe.recipe.description.endswith(".")
    assert recipe.recipe.reference
    figures = recipe.figures
    assert figures is not None, f"{path.name} has no [figures] yet"
    assert set(figures.spread) <= set(figures.mean)
    assert bool(figures.spread) == (len(recipe.seeds) > 1)


def test_there_are_recipes():
    assert len(list(recipe_text.SHIPPED.glob("*.toml"))) > 5


def test_families_are_told_apart(tmp_path):
    families = {
        "adaptation": recipe_text.ADAPTATION,
        "finetune": recipe_text.FINETUNE,
        "few_shot": recipe_text.FEW_SHOT,
        "subspace": recipe_text.SUBSPACE,
    }
    for family, text in families.items():
        recipe = read_recipe(recipe_text.write(tmp_path, text))
        assert recipe.method.family == family


A, F = recipe_text.ADAPTATION, recipe_text.FINETUNE
E, S = recipe_text.FEW_SHOT, recipe_text.SUBSPACE

WRONG = {
    "no toml": (A, [("[data]", "[data")], "is no TOML file: Expected ']'"),
    "unknown section": (
        A,
        [("[budget]", "[budgets]")],
        "budgets is no key. Did you mean 'budget'?",
    ),
    "unknown key": (
        A,
        [("epochs", "epoch")],
        "[budget] epoch is no key. Did you mean 'epochs'?",
    ),
    "wrong type": (
        A,
        [("epochs = 2", 'epochs = "2"')],
        "[budget] epochs must be an integer at least 1. Received: '2'",
    ),
    "out of range": (
        A,
        [("epochs = 2", "epochs = 0")],
        "[budget] epochs must be an integer at least 1. Received: 0",
    ),
    "unknown choice": (
        A,
        [('"dann"', '"dannn"')],
        "[method] alignment is 'dannn'. Did you mean 'dann'?",
    ),
    "unknown family": (
        A,
        [('"adaptation"', '"adaption"')],
        "[method] family is 'adaption'. Did you mean 'adaptation'?",
    ),
    "no family": (
        A,
        [('family = "adaptation"\n', "")],
        "[method] has no family. Expected one of adaptation, finetune",
    ),
    "no name": (
        A,
        [('name = "digits"\n', "")],
        "[recipe] has no name. It must be a string.",
    ),
    "no seeds": (A, [("seeds = [0, 1]", "")], "digits.toml: has no seeds."),
    "empty seeds": (A, [("[0, 1]", "[]")], "seeds must be different integers"),
    "equal seeds": (A, [("[0, 1]", "[1, 1]")], "seeds must be different"),
    "negative seed": (A, [("[0, 1]", "[-1]")], "seeds[0] must be an integer"),
    "another name": (
        A,
        [('name = "digits"', 'name = "letters"')],
        "[recipe] name must be that of the file, 'digits'. Received: 'letters'",
    ),
    "no target": (
        A,
        [('target = "digits_on_photos/target"\n', "")],
        "adaptation needs [data] target.",
    ),
    "no budget": (
        A,
        [(A[A.index("[budget]") :], "")],
        "adaptation needs [budget].",
    ),
    "of no use": (
        F,
        [('target = "usps"', 'target = "usps"\nsource = "mnist"')],
        "finetune has no use for [data] source. Remove it.",
    ),
    "no backbone": (
        F,
        [('backbone = "omniglot_conv4"', "")],
        "finetune needs [model] backbone.",
    ),
    "network and backbone": (
        A,
        [('network = "digits"', 'network = "digits"\nbackbone = "x"')],
        "[model] must have a network or a backbone, one of them.",
    ),
    "neither": (
        A,
        [('network = "digits"', "")],
        "[model] must have a network or a backbone, one of them.",
    ),
    "strength of no adversary": (
        A,
        [('"dann"', '"dan"\nstrength = 0.3')],
        "[method] strength has no effect with [method] alignment = 'dan', but "
        "with 'dann'. Remove it.",
    ),
    "weight of nothing": (
        A,
        [('"dann"', '"none"\nweight = 1.0')],
        "[method] weight has no effect",
    ),
    "units of a convolution": (
        A,
        [('network = "digits"', 'network = "digits"\nunits = [3]')],
        "[model] units has no effect with [model] network = 'digits'",
    ),
    "head of a head": (
        F,
        [('"head"', '"head"\nhead_epochs = 3')],
        "[method] head_epochs has no effect",
    ),
    "dimensions of a square": (
        S,
        [('"subspace_alignment"', '"coral"')],
        "[method] dimensions has no effect with [method] layer = 'coral'",
    ),
    "network of a closed form": (
        S,
        [("[method]", '[model]\nnetwork = "dense"\n[method]')],
        "subspace has no use for [model]. Remove it.",
    ),
    "export of episodes": (
        E,
        [("[budget]", "[export]\n[budget]")],
        "few_shot has no use for [export]. Remove it.",
    ),
    "share": (
        E,
        [("held_out = 0.25", "held_out = 25")],
        "[data] held_out must be a number between 0 and 1",
    ),
}


@pytest.mark.parametrize(
    ("text", "changes", "message"), WRONG.values(), ids=list(WRONG)
)
def test_every_mistake_is_one_sentence_with_the_file(
    tmp_path, text, changes, message
):
    path = recipe_text.write(tmp_path, text, *changes)
    with pytest.raises(ValueError) as error:
        read_recipe(path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}")
    assert "\n" not in str(error.value)


def test_what_is_no_text(tmp_path):
    path = tmp_path / "digits.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is no TOML file"):
        read_recipe(path)


def test_no_such_file(tmp_path):
    with pytest.raises(OSError, match="none.toml"):
        read_recipe(tmp_path / "none.toml")
