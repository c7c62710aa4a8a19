"""From what a user writes to a SavedModel on disk and its card."""

import importlib.resources
import pathlib
from typing import NamedTuple

from keras_transfer._public import invalid_argument
from keras_transfer.zoo import registry
from keras_transfer.zoo import resolution
from keras_transfer.zoo.card import Card


class Located(NamedTuple):
    """Where a SavedModel is.

    Attributes:
        handle: What finds it again, also on another machine.
        folder: Where it lies here.
        card: Its `Card`, or `None`.
    """

    handle: str
    folder: str
    card: Card | None


def locate(handle, **options):
    """Finds a SavedModel by the name of a card or by a handle.

    Args:
        handle: Name of a card, URL, Kaggle handle, folder or archive.
        **options: Passed to `resolution.resolve`.

    Returns:
        A `Located`.

    Raises:
        ValueError: If it is unknown, no SavedModel, or cannot be fetched.
    """
    text = str(handle)
    card = registry.card_for(text)
    if card is None:
        folder = resolution.resolve(text, **options)
        return Located(text, str(folder), registry.card_in(folder))
    if card.source == "shipped":
        shipped = importlib.resources.files("keras_transfer.zoo") / "shipped"
        return Located(card.name, str(pathlib.Path(shipped, card.handle)), card)
    if card.source != "tfhub":
        raise invalid_argument(
            "handle",
            text,
            "a SavedModel",
            f"{card.name!r} is a Keras model: load it with zoo.load.",
        )
    if text == card.name:
        pin = f"#sha256={card.sha256}" if card.sha256 else ""
        text = f"{card.handle}{pin}"
    return Located(text, str(resolution.resolve(text, **options)), card)
