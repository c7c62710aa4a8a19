"""The programs in `examples/` run, on small stand-ins for their data."""

import gzip
import json
import pathlib
import re
import runpy

import keras
import numpy as np
import pytest

from tests.cli import strokes

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
GROUPS = ("baby", "camera", "kitchen", "tools", "magazines", "music")
MOODS = (("awful", "broken", "sad"), ("great", "lovely", "best"))


def _review(generator, group, label):
    """Words of the group, of the mood and of neither."""
    own = [f"{group}{k}" for k in generator.integers(20, size=6)]
    mood = list(generator.choice(MOODS[label], 2))
    others = [f"word{k}" for k in generator.integers(50, size=12)]
    return " ".join(generator.permutation(own + mood + others))


@pytest.fixture
def reviews(tmp_path, generator):
    """A folder with a file of the format of the reviews."""
    parts = {
        group: {
            part: [
                [label, _review(generator, group, label)]
                for label in (0, 1) * number
            ]
            for part, number in (("train", 30), ("test", 10))
        }
        for group in (*GROUPS, "toys_games")
    }
    path = tmp_path / "text_reviews_fdumtl.json.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        json.dump(parts, file)
    return tmp_path


@pytest.mark.slow
def test_few_shot_text(reviews, capsys):
    program = runpy.run_path(str(EXAMPLES / "few_shot_text.py"))
    program["main"](
        ["--data", str(reviews), "--steps", "30", "--episodes", "20"]
    )
    printed = capsys.readouterr().out
    number = r"(\d+\.\d) (?:\+- \S+ )?%"
    rows = re.findall(rf"^(.+?) {{2,}}{number} +{number}$", printed, re.M)
    assert [name for name, _, _ in rows] == [
        "six new folders",
        "moods of magazines",
        "moods of music",
        "moods of toys_games",
        "20 reviews, all others",
    ]
    learnt, plain = np.array([row[1:] for row in rows], "float64").T
    # Mood words are the same in all groups; that is what is learnt.
    assert learnt[1:4].mean() > plain[1:4].mean()
    assert (plain[[0, 4]] > 100 / 6).all()


def test_few_shot_text_names_the_missing_file(tmp_path):
    program = runpy.run_path(str(EXAMPLES / "few_shot_text.py"))
    with pytest.raises(SystemExit, match=r"no file text_reviews_\w+.json.gz"):
        program["main"](["--data", str(tmp_path)])


@pytest.mark.slow
def test_image_classification(tmp_path, capsys):
    folder = strokes.write(tmp_path / "images")
    out = tmp_path / "run"
    program = runpy.run_path(str(EXAMPLES / "image_classification.py"))
    program["main"](
        ["--images", str(folder), "--out", str(out)]
        + ["--shots", "8", "--epochs", "8", "--batch-size", "8"]
    )
    printed = capsys.readouterr().out
    rows = re.findall(r"^(\S.+?) {2,}(\d+) +(\S+) % +\S+ %$", printed, re.M)
    names, epochs, accuracies = zip(*rows, strict=True)
    assert names == ("head only", "then all", "from scratch")
    assert epochs == ("8", "8", "16")
    assert float(accuracies[1]) > 90
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    # It holds a SavedModel, which Keras takes from trusted files only.
    model = keras.saving.load_model(out / "model.keras", safe_mode=False)
    assert model.output_shape == (None, 2)


def test_image_classification_asks_for_fewer_shots(tmp_path):
    folder = strokes.write(tmp_path / "images", number=4)
    program = runpy.run_path(str(EXAMPLES / "image_classification.py"))
    with pytest.raises(SystemExit, match="a class of 2 images"):
        program["main"](["--images", str(folder), "--out", str(tmp_path)])


def test_image_classification_names_the_missing_file(tmp_path):
    program = runpy.run_path(str(EXAMPLES / "image_classification.py"))
    with pytest.raises(SystemExit, match="no file digits_usps.npz"):
        program["main"](["--data", str(tmp_path), "--out", str(tmp_path)])
