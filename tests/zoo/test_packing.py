"""A SavedModel inside a config: small, whole, the same each time."""

import base64

import pytest
import tensorflow as tf

from keras_transfer.zoo import card as cards
from keras_transfer.zoo import packing


def test_weights_are_zeros_and_tables_are_kept(saved):
    folder = packing.unpack(packing.pack(saved("text_encoder")))
    root = tf.saved_model.load(str(folder))
    assert not root.vectors.numpy().any()
    words = tf.constant(["good", "film", "other"])
    found = tf.raw_ops.LookupTableFindV2(
        table_handle=root.table.resource_handle,
        keys=words,
        default_value=tf.constant(3, tf.int64),
    )
    assert found.numpy().tolist() == [0, 2, 3]


def test_the_same_model_gives_the_same_text_and_folder(saved):
    texts = [packing.pack(saved("image_encoder")) for _ in range(2)]
    assert texts[0] == texts[1]
    assert packing.unpack(texts[0]) == packing.unpack(texts[1])
    assert texts[0] != packing.pack(saved("keyword_encoder"))


def test_weights_take_no_space(tmp_path):
    root = tf.train.Checkpoint(kernel=tf.Variable(tf.random.normal([500_000])))
    root.__call__ = tf.function(lambda x: x + root.kernel)
    root.__call__.get_concrete_function(tf.TensorSpec([500_000]))
    tf.saved_model.save(root, str(tmp_path / "large"))
    assert len(packing.pack(tmp_path / "large")) < 50_000  # of 2,000,000


def test_the_card_goes_with_it(saved):
    card = cards.Card(name="a", source="tfhub", handle="https://a.b/c/1")
    folder = packing.unpack(packing.pack(saved("image_encoder"), card))
    assert cards.read(folder) == card


def test_a_damaged_text_leaves_nothing(saved, own_cache):
    text = packing.pack(saved("image_encoder"))
    damaged = base64.b64encode(base64.b64decode(text)[:-200]).decode()
    with pytest.raises(ValueError, match="damaged"):
        packing.unpack(damaged)
    with pytest.raises(ValueError, match="damaged"):
        packing.unpack("%%%")
    assert not list(own_cache.rglob("*"))
