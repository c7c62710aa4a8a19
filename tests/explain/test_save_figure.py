"""Figures as files."""

import numpy as np
import pytest
from PIL import Image

from keras_transfer import explain


def _figure():
    generator = np.random.default_rng(0)
    source, target = generator.normal(size=(2, 20, 3))
    return explain.feature_maps({"Füße": (source, target)}, method="pca")


@pytest.mark.parametrize(
    ("given", "stem"),
    [
        ("maps", "maps"),
        ("maps.png", "maps"),
        ("maps.SVG", "maps"),
        ("run.1", "run.1"),
    ],
)
def test_both_files_are_written(tmp_path, given, stem):
    paths = explain.save_figure(_figure(), tmp_path / given)
    assert [path.name for path in paths] == [f"{stem}.png", f"{stem}.svg"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    with Image.open(paths[0]) as image:
        image.verify()


def test_resolution_is_pixels_per_inch(tmp_path):
    figure = _figure()
    path, _ = explain.save_figure(figure, tmp_path / "a", dpi=40)
    with Image.open(path) as image:
        assert image.size == tuple((40 * figure.get_size_inches()).astype(int))


def test_text_stays_text_and_there_is_no_date(tmp_path):
    _, path = explain.save_figure(_figure(), tmp_path / "a")
    text = path.read_text("utf-8")
    assert ">Füße</text>" in text
    assert "<dc:date>" not in text


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    one = explain.save_figure(_figure(), tmp_path / "one")
    other = explain.save_figure(_figure(), tmp_path / "other")
    for first, second in zip(one, other, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_what_cannot_be_drawn_leaves_the_old_file(tmp_path):
    class Broken:
        def savefig(self, path, **options):
            path.write_bytes(b"half")
            raise RuntimeError("no room")

    old = tmp_path / "a.png"
    old.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="no room"):
        explain.save_figure(Broken(), tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert old.read_bytes() == b"old"
