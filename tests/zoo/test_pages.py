"""The pages in the folder `zoo` say what the registry says."""

import importlib.util
import pathlib
import re

import pytest

from keras_transfer import zoo
from keras_transfer.zoo import registry

FOLDER = pathlib.Path(__file__).parents[2] / "zoo"
HOW_TO_MEND = "run `python zoo/make_pages.py`"


@pytest.fixture(scope="module")
def make_pages():
    spec = importlib.util.spec_from_file_location(
        "make_pages", FOLDER / "make_pages.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_what_the_cards_say(make_pages):
    for name, expected in make_pages.pages().items():
        path = FOLDER / name
        assert path.is_file(), f"zoo/{name} is missing: {HOW_TO_MEND}"
        differs = f"zoo/{name} is not what the cards say: {HOW_TO_MEND}"
        assert path.read_text("utf-8") == expected, differs


def test_there_is_no_page_of_what_is_gone(make_pages):
    found = {path.name for path in FOLDER.glob("*.md")} - {"README.md"}
    assert found == set(make_pages.pages()), HOW_TO_MEND


def test_every_card_stands_on_one_page(make_pages):
    headings = [
        heading
        for page in make_pages.pages().values()
        for heading in re.findall("^## (.+)$", page, re.MULTILINE)
    ]
    assert sorted(headings) == sorted(registry.own_cards())


def test_every_recipe_stands_on_its_page(make_pages):
    page = make_pages.pages()["recipes.md"]
    names = {path.stem for path in (FOLDER / "recipes").glob("*.toml")}
    assert set(re.findall(r"\(recipes/(\w+).toml\)", page)) == names
    assert "not run yet" not in page


def test_a_source_without_words_is_no_gap(make_pages, monkeypatch):
    monkeypatch.delitem(make_pages.WORDS, "tfhub")
    with pytest.raises(KeyError, match="tfhub"):
        make_pages.pages()


def test_pages_are_written_by_the_script(make_pages, monkeypatch, tmp_path):
    monkeypatch.setattr(make_pages, "FOLDER", tmp_path)
    make_pages.main()
    written = {
        path.name: path.read_text("utf-8") for path in tmp_path.iterdir()
    }
    assert written == make_pages.pages()


def test_the_readme_names_pages_and_backbones_that_exist():
    text = (FOLDER / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#:]+)", text)
    assert {"tfhub.md", "keras_applications.md"} <= set(links)
    for link in links:
        assert (FOLDER / link).exists(), link
    names = re.findall(r'zoo\.load\(\s*"([\w/.-]+)"', text)
    names += re.findall(r"zoo (?:info|pull) ([\w/.-]+)", text)
    saved_there = set(re.findall(r'zoo\.save\(model, "(.+?)"', text))
    assert set(names) > saved_there
    for name in set(names) - saved_there:
        zoo.find_card(name)
