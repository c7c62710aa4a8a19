"""Images in class folders inside an archive."""

import io

import pytest

from keras_transfer.data.builders.class_folders import examples_below

NAMES = ("bus", "train")


def _files(*paths):
    return [(path, io.BytesIO(path.encode())) for path in paths]


def _labels(paths, folders):
    examples = examples_below(_files(*paths), folders, NAMES)
    return [(key, example["label"]) for key, example in examples]


@pytest.mark.parametrize("before", ["", "./", "x/", "x/y/"])
def test_what_stands_before_does_not_matter(before):
    found = _labels([f"{before}a/images/bus/1.jpg"], ("a", "images"))
    assert found == [("bus/1.jpg", "bus")]


def test_other_folders_and_files_are_passed_by():
    paths = [
        "a/bus/1.JPG",
        "b/bus/2.jpg",
        "a/bus/._1.jpg",
        "a/bus/Thumbs.db",
        "a/list.txt",
        "1.jpg",
        "a/x/bus/3.jpg",
    ]
    assert _labels(paths, ("a",)) == [("bus/1.JPG", "bus")]


def test_a_class_may_be_named_as_the_domain():
    paths = ["train/bus/1.png", "train/train/2.png"]
    found = _labels(paths, ("train",))
    assert found == [("bus/1.png", "bus"), ("train/2.png", "train")]


def test_the_content_is_that_of_the_file():
    ((_, example),) = examples_below(_files("a/bus/1.png"), ("a",), NAMES)
    assert example["image"].read() == b"a/bus/1.png"


def test_files_are_read_as_they_come():
    def files():
        yield "a/bus/1.png", io.BytesIO(b"")
        raise AssertionError("read too far")

    assert next(examples_below(files(), ("a",), NAMES))[0] == "bus/1.png"


def test_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="has a class 'cat'.*2 classes"):
        _labels(["a/cat/1.jpg"], ("a",))


def test_an_archive_without_images_is_refused():
    with pytest.raises(ValueError, match=r"no image at .../a/images/CLASS"):
        _labels(["b/images/bus/1.jpg"], ("a", "images"))
