"""What is known about a backbone before it is loaded."""

import dataclasses
import json
import pathlib
from typing import Any

from keras_transfer import _files
from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name

TASKS = ("image", "text", "audio", "video", "other")
SOURCES = ("tfhub", "keras_applications", "keras_hub", "folder", "shipped")


@dataclasses.dataclass(frozen=True)
class Card:
    """The facts about a backbone, as data.

    A figure that is not known is `None`; nothing here is a guess.

    Args:
        name: What `zoo.load` finds it by.
        source: Where it comes from: `"tfhub"` (a SavedModel behind a
            handle), `"keras_applications"`, `"keras_hub"`, `"folder"` or
            `"shipped"` (in this package).
        handle: Handle, URL, path, or the name of the Keras class or preset.
        task: `"image"`, `"text"`, `"audio"`, `"video"` or `"other"`.
        summary: One sentence.
        version: Version that the handle pins.
        sha256: Checksum of the archive behind the handle, 64 hex digits.
        mirrors: Other handles of the same backbone, as that of Kaggle.
        input_shape: Shape of an input without the batch, `None` for a free
            axis.
        input_dtype: Its dtype.
        preprocessing: Arguments of `layers.ImagePreprocessing` for pixels
            from 0 to 255, or `None` for inputs that are no images.
        preprocessor: Handle of the SavedModel that makes the inputs, as the
            tokenizer of a text encoder.
        output_key: Which output holds the features, if there are several.
        features: Width of the features.
        parameters: Number of parameters.
        license: SPDX identifier in lower case.
        fine_tunable: Whether the backbone may be trained further.
        needed_ops: Python packages that bring operations the graph needs.
        trained_on: The data.
        citation: Authors, year and address.

    Example:

    >>> from keras_transfer import zoo
    >>> card = zoo.Card(name="mine", source="folder", handle="models/mine")
    >>> card.task, card.features
    ('other', None)
    """

    name: str
    source: str
    handle: str
    task: str = "other"
    summary: str = ""
    version: str | None = None
    sha256: str | None = None
    mirrors: tuple[str, ...] = ()
    input_shape: tuple[int | None, ...] | None = None
    input_dtype: str = "float32"
    preprocessing: dict[str, Any] | None = None
    preprocessor: str | None = None
    output_key: str | int | None = None
    features: int | None = None
    parameters: int | None = None
    license: str | None = None
    fine_tunable: bool = True
    needed_ops: tuple[str, ...] = ()
    trained_on: str | None = None
    citation: str | None = None

    def __post_init__(self):
        if self.task not in TASKS:
            raise unknown_name("task", self.task, TASKS)
        if self.source not in SOURCES:
            raise unknown_name("source", self.source, SOURCES)
        for name in ("mirrors", "needed_ops"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.input_shape is not None:
            # TOML has no null: 0 stands for a free axis there.
            shape = tuple(size or None for size in self.input_shape)
            object.__setattr__(self, "input_shape", shape)

    @classmethod
    def from_dict(cls, facts):
        """Makes a card from a dict, as read from a file.

        Raises:
            ValueError: If a field is unknown or missing.
        """
        known = {field.name: field for field in dataclasses.fields(cls)}
        for name in facts:
            if name not in known:
                raise unknown_name("card", name, known)
        needed = [
            name
            for name, field in known.items()
            if field.default is dataclasses.MISSING
        ]
        missing = [name for name in needed if name not in facts]
        if missing:
            raise invalid_argument("card", facts, f"the fields {needed}")
        return cls(**facts)

    def to_dict(self):
        """The facts that are known, as a dict for JSON."""
        facts = dataclasses.asdict(self)
        lists = ("mirrors", "needed_ops")
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in facts.items()
            if value is not None and (value or name not in lists)
        }


def path_in(folder):
    """Where a SavedModel of this package keeps its card."""
    return pathlib.Path(folder) / "assets.extra" / "card.json"


def read(folder):
    """The card in the folder of a SavedModel, or `None`."""
    path = path_in(folder)
    if not path.is_file():
        return None
    facts = json.loads(path.read_text("utf-8"))
    if facts.get("source") == "folder":
        facts["handle"] = str(folder)  # it may have been moved
    return Card.from_dict(facts)


def write(card, folder):
    """Puts a card into the folder of a SavedModel."""
    path = path_in(folder)
    path.parent.mkdir(exist_ok=True)
    with _files.written_whole(path) as partial:
        text = json.dumps(card.to_dict(), indent=1) + "\n"
        partial.write_text(text, encoding="utf-8")
