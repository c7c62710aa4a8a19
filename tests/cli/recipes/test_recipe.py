"""What a recipe says, as data."""

import json

from keras_transfer.cli.recipes.read_recipe import read_recipe
from tests.cli.recipes import recipe_text


def test_settings_are_what_json_holds_without_the_words(tmp_path):
    path = recipe_text.write(tmp_path, recipe_text.ADAPTATION)
    settings = read_recipe(path).settings()
    assert json.loads(json.dumps(settings)) == settings
    assert set(settings) == {"data", "model", "method", "budget"}
    assert settings["budget"]["epochs"] == 2
    assert settings["model"]["units"] == [64]
    # What is not given is not there.
    assert "weight" not in settings["method"]


def test_words_and_figures_are_no_settings(tmp_path):
    path = recipe_text.write(tmp_path, recipe_text.ADAPTATION)
    before = read_recipe(path).settings()
    text = recipe_text.ADAPTATION.replace("over photographs", "on photos")
    text += "\n[figures]\ndate = 2026-11-30\nmean = {target_test = 60.0}\n"
    path.write_text(text)
    recipe = read_recipe(path)
    assert recipe.settings() == before
    assert recipe.figures.mean == {"target_test": 60.0}
