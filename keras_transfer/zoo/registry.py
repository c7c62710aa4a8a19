"""Finds backbones by name, wildcard or handle.

The cards are data: the TOML files in `zoo/cards`, and what KerasHub lists of
itself where it is installed. No code here knows the name of a backbone.
"""

import difflib
import fnmatch
import functools
import importlib.resources
import os
import re
import tomllib

from keras_transfer._public import invalid_argument
from keras_transfer.zoo import card as cards
from keras_transfer.zoo import keras_hub_presets
from keras_transfer.zoo.card import Card


def list_backbones(pattern="*", *, task=None, license=None, source=None):
    """Lists the cards that match, sorted by name.

    Args:
        pattern: Wildcard pattern for the names, as `"*efficientnet*"`.
        task: Only these: `"image"`, `"text"`, `"audio"`, `"video"`.
        license: Only these: an SPDX identifier, as `"apache-2.0"`.
        source: Only these: `"tfhub"`, `"keras_applications"`, `"keras_hub"`
            or `"shipped"`.

    Returns:
        A list of `zoo.Card`, empty if nothing matches.

    Raises:
        ValueError: If the task, licence or source is that of no card.

    Example:

    >>> from keras_transfer import zoo
    >>> [card.name for card in zoo.list_backbones("mobilenet_v2_100*")]
    ['mobilenet_v2_100_224']
    """
    found = all_cards()
    wanted = {"task": task, "license": license, "source": source}
    for field, value in wanted.items():
        known = {getattr(card, field) for card in found.values()} - {None}
        if value is not None and value.lower() not in known:
            raise invalid_argument(field, value, f"one of {sorted(known)}")
    return [
        card
        for name, card in sorted(found.items())
        if fnmatch.fnmatchcase(name, pattern.lower())
        and all(
            value is None or getattr(card, field) == value.lower()
            for field, value in wanted.items()
        )
    ]


def find_card(name):
    """Finds the card of a backbone.

    Args:
        name: Name of a card, or a handle that a card knows.

    Returns:
        A `zoo.Card`.

    Raises:
        ValueError: If there is none; with the names that come closest.

    Example:

    >>> from keras_transfer import zoo
    >>> zoo.find_card("mobilenet_v2_100_224").features
    1280
    """
    card = card_for(name)
    if card is None:
        raise _unknown(name)
    return card


def card_for(handle):
    """The card of a name or handle, or `None` for a handle without one.

    Raises:
        ValueError: If it looks like a name and there is no such card.
    """
    text = str(handle)
    if os.sep in text and os.path.exists(text):
        return None
    known = all_cards() if text.startswith("keras_hub/") else own_cards()
    if text in known:
        return known[text]
    if os.path.exists(text):
        return None
    plain = _without_pin(text)
    for card in known.values():
        if plain in (_without_pin(card.handle), *card.mirrors):
            return card
    if re.fullmatch(r"[\w.-]+", text) or text.startswith(_NAMESPACES):
        raise _unknown(text)
    return None


def card_in(folder):
    """The card that lies in the folder of a SavedModel, or `None`."""
    return cards.read(folder)


def all_cards():
    """All cards, as a dict from name to `Card`."""
    return {**own_cards(), **keras_hub_presets.cards()}


@functools.cache
def own_cards():
    """The cards of this package, as a dict from name to `Card`."""
    folder = importlib.resources.files("keras_transfer.zoo") / "cards"
    files = sorted(path.name for path in folder.iterdir())
    found = {}
    for name in files:
        if name.endswith(".toml"):
            families = tomllib.loads((folder / name).read_text("utf-8"))
            for family in families["family"]:
                for facts in _members(family):
                    found[facts["name"]] = Card.from_dict(facts)
    return found


_NAMESPACES = ("keras_applications/", "keras_hub/")


def _members(family):
    """The facts of each card of a family, laid over those that all share."""
    shared = {key: value for key, value in family.items() if key != "card"}
    for own in family["card"]:
        facts = {**shared, **own}
        if "preprocessing" in facts:
            facts["preprocessing"] = {
                **shared.get("preprocessing", {}),
                **own.get("preprocessing", {}),
            }
        yield facts


def _without_pin(handle):
    return handle.split("#")[0]


def _unknown(name):
    known = all_cards()
    close = difflib.get_close_matches(str(name).lower(), known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    return invalid_argument(
        "name",
        str(name),
        "the name of a backbone, a handle, a URL, or the path of a SavedModel",
        f"{hint}`keras-transfer zoo list` shows all names.",
    )
