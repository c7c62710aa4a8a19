"""`zoo.load` and `zoo.pull`: one door for every source."""

import pathlib
import tarfile

import keras
import numpy as np
import pytest

from keras_transfer import zoo
from keras_transfer.zoo import resolution
from tests.zoo import server


@pytest.fixture
def archive(saved, tmp_path):
    path = tmp_path / "image_encoder.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(saved("image_encoder"), ".")
    return path


def test_folders_and_archives(saved, archive):
    x = np.ones((2, 8, 8, 3), "float32")
    from_folder = zoo.load(saved("image_encoder"), trainable=True)
    assert from_folder.trainable
    from_archive = zoo.load(archive)
    np.testing.assert_array_equal(from_folder(x), from_archive(x))


def test_what_was_pulled_is_loaded_offline(archive):
    with server.running() as web:
        handle = web.serve("/encoder/1", archive.read_bytes())
        with pytest.raises(OSError, match="zoo pull"):
            zoo.load(handle, offline=True)
        assert not web.requests
        folder = zoo.pull(handle, verbose=0)
    backbone = zoo.load(handle, offline=True)
    assert backbone._folder == folder
    assert backbone.handle == handle


def test_a_mirror_stands_for_the_host(archive):
    handle = "https://hub.invalid/encoder/1"
    with server.running() as web:
        web.serve("/mirror/encoder/1", archive.read_bytes())
        backbone = zoo.load(handle, mirror=f"{web.url}/mirror")
    assert backbone.handle == handle
    assert zoo.load(handle, offline=True).output_key is None


def test_arguments_reach_the_layer(saved):
    backbone = zoo.load(saved("dict_encoder"), output_key="pooled_output")
    assert backbone.output_key == "pooled_output"


def test_pull_fetches_the_preprocessor_too(monkeypatch):
    asked = []
    monkeypatch.setattr(
        resolution, "resolve", lambda handle, **options: asked.append(handle)
    )
    (card,) = [
        card
        for card in zoo.list_backbones("small_bert*h512*")
        if card.preprocessor
    ]
    zoo.pull(card.name)
    assert asked == [card.handle, card.preprocessor]


def test_a_name_gives_features_and_a_handle_everything(saved, monkeypatch):
    # The real one is not to be had here: its output key is.
    card = zoo.find_card("small_bert_en_uncased_l4_h512_a8")
    assert card.output_key == "pooled_output"
    monkeypatch.setattr(
        resolution, "resolve", lambda handle, **_: saved("dict_encoder")
    )
    ids = np.ones((2, 4), "int32")
    inputs = {"input_word_ids": ids, "input_mask": ids}
    assert zoo.load(card.name)(inputs).shape == (2, 3)
    for backbone in (
        zoo.load(card.name, output_key=None),
        zoo.load(card.handle),
        zoo.HubBackbone(card.name),
    ):
        assert set(backbone(inputs)) == {"pooled_output", "sequence_output"}


def test_a_saved_model_has_no_other_weights(saved):
    with pytest.raises(ValueError, match="pretrained=False"):
        zoo.load(saved("image_encoder"), pretrained=False)


SHIPPED = pytest.mark.parametrize(
    "name", ["omniglot_conv4", "omniglot_prototypical"]
)


@SHIPPED
def test_a_shipped_backbone_needs_no_network(name, no_network, generator):
    backbone = zoo.load(name, trainable=True)
    inputs = keras.Input((28, 28, 3))
    model = keras.Model(inputs, backbone(backbone.preprocessing(inputs)))
    pixels = generator.integers(0, 256, (2, 28, 28, 3), dtype="uint8")
    features = model(pixels)
    assert features.shape == (2, backbone.card.features)
    assert np.isfinite(features).all()


@SHIPPED
def test_a_shipped_backbone_is_small(name):
    folder = zoo.pull(name)
    files = [f for f in pathlib.Path(folder).rglob("*") if f.is_file()]
    size = sum(file.stat().st_size for file in files)
    assert size < 2_000_000


@pytest.mark.parametrize("name", ["mobilenet_v2", "keras_applications/resnet"])
def test_close_names_are_suggested(name):
    with pytest.raises(ValueError, match="Did you mean"):
        zoo.load(name)
