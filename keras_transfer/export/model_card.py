"""What goes with an export for people and tools: card and checksums."""

import datetime
import hashlib
import json
import pathlib

import keras
import tensorflow as tf

from keras_transfer import _storable
from keras_transfer import _version

CARD = "assets.extra/model_card.json"
MANIFEST = "assets.extra/manifest.json"


def write(folder, served, signatures, report, facts):
    """Writes the card and then the checksums of all files.

    Args:
        folder: The version.
        served: The `ServedModel`.
        signatures: Dict from name to `signatures.Signature`.
        report: The `Report` of its trial.
        facts: Dict of more facts, the user's own among them; see
            `storable`.
    """
    now = datetime.datetime.now(datetime.UTC)
    tried = report.to_dict()
    card = {
        "model": served.model.name,
        "parameters": served.model.count_params(),
        "created": now.isoformat("T", "seconds"),
        "versions": {
            "keras_transfer": _version.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        },
        **facts,
        "signatures": {n: _signature(s) for n, s in signatures.items()},
        "backbones": _backbones(served.model),
        "verification": {
            key: tried[key]
            for key in ("largest_difference", "differences", "checks")
        },
    }
    _write_json(folder, CARD, card)
    _write_json(folder, MANIFEST, {"sha256": checksums(folder)})


def storable(facts):
    """The facts as JSON has them: numbers of NumPy become plain ones.

    Raises:
        ValueError: If there is something among them that JSON cannot hold.
    """
    return _storable.storable("card", facts)


def read(folder):
    """The card of a version, a dict; empty if it has none to be read."""
    path = pathlib.Path(folder, CARD)
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def checksums(folder):
    """Dict from path to sha256, of all files but the manifest."""
    folder = pathlib.Path(folder)
    return {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).as_posix() != MANIFEST
    }


def changed_files(folder):
    """Files that are not as the manifest says; `None` without a manifest."""
    path = pathlib.Path(folder, MANIFEST)
    if not path.exists():
        return None
    try:
        recorded = dict(json.loads(path.read_text("utf-8"))["sha256"])
    except (ValueError, TypeError, KeyError):
        return [MANIFEST]
    found = checksums(folder)
    names = sorted(set(recorded) | set(found))
    return [name for name in names if recorded.get(name) != found.get(name)]


def _signature(signature):
    return {
        name: {"shape": spec.shape.as_list(), "dtype": spec.dtype.name}
        for name, spec in signature.specs.items()
    }


def _backbones(model):
    cards = [
        getattr(layer, "card", None)
        for layer in model._flatten_layers(include_self=False)
    ]
    return [card.to_dict() for card in cards if card is not None]


def _write_json(folder, name, contents):
    path = pathlib.Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents, indent=1) + "\n", encoding="utf-8")


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
