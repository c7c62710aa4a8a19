"""Cards as people read them: on the command line and in `zoo/*.md`."""

import dataclasses
import re

#: Fields in the order in which they are shown, with their words.
_WORDS = {
    "task": "task",
    "input": "input",
    "pixels": "pixels",
    "features": "features",
    "parameters": "parameters",
    "license": "licence",
    "fine_tunable": "fine-tunable",
    "trained_on": "trained on",
    "needed_ops": "needs",
    "preprocessor": "preprocessor",
    "output_key": "output",
    "source": "source",
    "handle": "handle",
    "version": "version",
    "sha256": "sha256",
    "mirrors": "mirrors",
    "citation": "citation",
}


def facts(card):
    """What is known about a backbone, as text.

    Args:
        card: A `Card`.

    Returns:
        Dict from field to string, in the order to show it. `input` and
        `pixels` are made of several fields.
    """
    known = {
        name: value
        for name, value in dataclasses.asdict(card).items()
        if value not in (None, (), "")
    }
    known["fine_tunable"] = "yes" if card.fine_tunable else "no"
    if card.input_shape is not None:
        known["input"] = _input(card)
    if card.preprocessing is not None:
        known["pixels"] = _pixels(card.preprocessing)
    for name in ("needed_ops", "mirrors"):
        if name in known:
            known[name] = ", ".join(known[name])
    if card.parameters is not None:
        known["parameters"] = f"{card.parameters:,}"
    return {name: str(known[name]) for name in _WORDS if name in known}


def plain(card):
    """A card as aligned lines of text."""
    lines = [card.name, card.summary, ""] if card.summary else [card.name, ""]
    width = max(map(len, _WORDS.values()))
    for name, value in facts(card).items():
        lines.append(f"{_WORDS[name]:{width}}  {value}")
    return "\n".join(lines)


def markdown(cards, title, introduction):
    """Many cards as one page.

    Args:
        cards: List of `Card`, in the order to show them.
        title: Heading of the page.
        introduction: First paragraph.

    Returns:
        The page, a string that ends with a line break.
    """
    lines = [f"# {title}", "", introduction, ""]
    lines += ["| name | input | features | parameters | licence |"]
    lines += ["|---|---|---|---|---|"]
    for card in cards:
        known = facts(card)
        cells = [f"[{card.name}](#{_anchor(card.name)})"]
        cells += [
            known.get(name, "")
            for name in ("input", "features", "parameters", "license")
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for card in cards:
        lines += ["", f"## {card.name}", ""]
        lines += [card.summary, ""] if card.summary else []
        lines += [
            f"- {_WORDS[name]}: {value}" for name, value in facts(card).items()
        ]
    return "\n".join(lines) + "\n"


def _input(card):
    if not card.input_shape:
        return card.input_dtype
    sizes = " x ".join(str(size or "any") for size in card.input_shape)
    return f"{sizes} {card.input_dtype}"


def _pixels(preprocessing):
    """What `ImagePreprocessing` does, in words."""
    low, high = preprocessing.get("value_range", (0, 1))
    words = [f"{low:g} to {high:g}"]
    if preprocessing.get("mean"):
        mean = ", ".join(f"{value:g}" for value in preprocessing["mean"])
        words.append(f"minus the mean {mean}")
    if preprocessing.get("deviation"):
        scale = ", ".join(f"{value:g}" for value in preprocessing["deviation"])
        words.append(f"divided by {scale}")
    words.append(preprocessing.get("channel_order", "RGB"))
    words.append(preprocessing.get("interpolation", "bilinear"))
    if preprocessing.get("crop_to_aspect_ratio"):
        words.append("cropped to the aspect ratio")
    return ", ".join(words)


def _anchor(name):
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-")
