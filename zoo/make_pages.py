"""Writes the pages of this folder from the cards and the recipes.

    python zoo/make_pages.py

One page for each source of cards, and one of the recipes. A test fails while
a page and what it is made of differ.
"""

import pathlib

from keras_transfer._files import written_whole
from keras_transfer.cli.recipes.read_recipe import read_recipe
from keras_transfer.zoo import card_text
from keras_transfer.zoo import registry

FOLDER = pathlib.Path(__file__).parent
RECIPES = FOLDER / "recipes"

#: Title and first paragraph of each source's page.
WORDS = {
    "tfhub": (
        "Backbones of TF-Hub",
        "SavedModels behind TF-Hub handles. `keras_transfer.zoo.load(name)` "
        "fetches one and gives it as a layer. The pages say what the authors "
        "say; a field that is missing is not known.",
    ),
    "keras_applications": (
        "Backbones of keras.applications",
        "Built by Keras, with the weights that Keras downloads. "
        "`keras_transfer.zoo.load(name)` gives the network without its "
        "classifier, pooled to features; `pretrained=False` gives new weights.",
    ),
    "shipped": (
        "Backbones that come with the package",
        "They are inside the installed package and need no network.",
    ),
}


def pages():
    """The pages as they should be.

    Returns:
        Dict from file name to text.

    Raises:
        KeyError: If the registry has a source without a title here.
    """
    by_source = {}
    for card in registry.own_cards().values():
        by_source.setdefault(card.source, []).append(card)
    return {
        f"{source}.md": card_text.markdown(
            sorted(cards, key=lambda card: card.name), *WORDS[source]
        )
        for source, cards in by_source.items()
    } | {"recipes.md": recipes_page()}


def recipes_page():
    """The recipes with their figures, as a table."""
    lines = [
        "# Recipes",
        "",
        "`keras-transfer run zoo/recipes/NAME.toml`, with `--data DIR` where "
        "the data are in a",
        "folder of `.npz` files. Accuracies in per cent, mean and standard "
        "deviation over the",
        "seeds of the recipe.",
        "",
        "| recipe | what | figures | seeds | date |",
        "|---|---|---|---|---|",
    ]
    for path in sorted(RECIPES.glob("*.toml")):
        recipe = read_recipe(path)
        cells = [
            f"[{path.stem}](recipes/{path.name})",
            recipe.recipe.description,
            *_figures(recipe.figures),
        ]
        cells.insert(3, str(len(recipe.seeds)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _figures(figures):
    """Two cells: what came out, and when."""
    if figures is None:
        return "not run yet", ""
    texts = []
    for name, mean in figures.mean.items():
        spread = figures.spread.get(name)
        beside = "" if spread is None else f" ± {spread:.2f}"
        texts.append(f"{name.replace('_', ' ')} {mean:.2f}{beside}")
    return "; ".join(texts), str(figures.date)


def main():
    """Writes all pages."""
    for name, text in pages().items():
        with written_whole(FOLDER / name) as partial:
            partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
