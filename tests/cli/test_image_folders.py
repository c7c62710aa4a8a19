"""Folders of one's own images."""

import argparse
import warnings

import pytest

from keras_transfer.cli import image_folders
from keras_transfer.cli import output
from tests.cli import strokes


def _arguments(*given):
    parser = argparse.ArgumentParser()
    image_folders.add_option(parser.add_argument)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(given)


@pytest.fixture
def damaged(tmp_path):
    strokes.write(tmp_path, number=4)
    (tmp_path / "lying" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return tmp_path


def test_damaged_files_are_an_error_by_name(damaged):
    with pytest.raises(ValueError, match="cut.png"):
        image_folders.load(
            damaged, _arguments(), output.Reporter(False), size=(8, 8)
        )


def test_damaged_files_may_be_skipped_and_are_printed(damaged, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a line, and no warning beside it
        folder = image_folders.load(
            damaged,
            _arguments("--skip-corrupt"),
            output.Reporter(False),
            size=(8, 8),
        )
    assert folder.num_images == 4
    out = capsys.readouterr().out
    assert out.startswith("Skipped, damaged: ") and out.count("\n") == 1


def test_the_seed_decides_the_split(tmp_path):
    strokes.write(tmp_path)
    first, again, other = (
        image_folders.load(
            tmp_path,
            _arguments("--seed", seed),
            output.Reporter(True),
            size=(8, 8),
            validation_split=0.2,
        ).validation.paths.tolist()
        for seed in ("0", "0", "1")
    )
    assert first == again != other
