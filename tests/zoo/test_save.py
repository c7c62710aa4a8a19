"""A backbone of one's own as a zoo entry: the same features, trainable."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer import zoo

PIXELS = {"preprocessing": {"value_range": (0, 255)}}


def _network(preprocessing=None):
    inputs = keras.Input((8, 8, 3), name="image")
    x = preprocessing(inputs) if preprocessing else inputs
    x = keras.layers.Conv2D(
        4, 3, kernel_regularizer=keras.regularizers.L2(0.1)
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.5)(x)
    x = keras.layers.Dropout(0.5, seed=1)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, x, name="network")


def _images(generator):
    return generator.uniform(0, 255, (6, 8, 8, 3)).astype("float32")


def test_features_are_the_same(tmp_path, generator):
    model, x = _network(), _images(generator)
    path = zoo.save(model, tmp_path / "mine", PIXELS)
    assert path == tmp_path / "mine"
    np.testing.assert_allclose(zoo.load(path)(x), model(x), atol=1e-4)


def test_it_is_trained_as_the_model_itself(tmp_path, generator):
    x = _images(generator)
    model = _network()
    backbone = zoo.load(zoo.save(model, tmp_path / "mine", PIXELS), True)
    assert len(backbone.trainable_variables) == 4
    model(x, training=True)
    backbone(x, training=True)
    names = backbone.named_variables
    for variable in model.non_trainable_weights:
        np.testing.assert_allclose(names[variable.path], variable, rtol=1e-4)
        assert variable.numpy().any()  # it has moved
    kernel = model.trainable_weights[0]
    (loss,) = backbone.losses
    np.testing.assert_allclose(loss, 0.1 * np.sum(np.square(kernel)), rtol=1e-5)


def test_variables_bear_the_paths_of_keras(tmp_path):
    model = _network()
    backbone = zoo.load(
        zoo.save(model, tmp_path / "mine", PIXELS),
        True,
        trainable_variables_matching="conv2d/*",
    )
    paths = {variable.path for variable in model.variables}
    assert set(backbone.named_variables) == paths
    trained = [v.path for v in backbone.trainable_variables]
    assert trained == ["mine/conv2d_kernel", "mine/conv2d_bias"] or trained == [
        f"{backbone.name}/conv2d_kernel",
        f"{backbone.name}/conv2d_bias",
    ]


def test_the_card_is_filled_in(tmp_path):
    model = _network(kt.layers.ImagePreprocessing((8, 8)))
    path = zoo.save(model, tmp_path / "mine", {"license": "mit"})
    card = zoo.load(path).card
    assert (card.name, card.license, card.task) == ("mine", "mit", "image")
    assert (card.features, card.input_shape) == (4, (8, 8, 3))
    assert card.parameters == model.count_params()
    # The model preprocesses itself: its backbone takes pixels as they are.
    assert card.preprocessing["value_range"] == [0, 255]


def test_preprocessing_comes_back_with_it(tmp_path, generator):
    card = {"preprocessing": {"value_range": (-1, 1), "size": (8, 8)}}
    path = zoo.save(_network(), tmp_path / "mine", card)
    preprocessing = zoo.load(path).preprocessing
    x = _images(generator)
    np.testing.assert_allclose(preprocessing(x), x / 127.5 - 1, atol=1e-5)


def test_images_need_a_word_on_their_pixels(tmp_path):
    with pytest.raises(ValueError, match="value_range"):
        zoo.save(_network(), tmp_path / "mine")
    assert not list(tmp_path.iterdir())


def test_an_adapted_backbone_is_saved_again(saved, tmp_path, generator):
    backbone = zoo.HubBackbone(saved("image_encoder"), trainable=True)
    for variable in backbone.weights:
        variable.assign(variable + 0.1)
    path = zoo.save(
        backbone, tmp_path / "again", {"preprocessing": {"size": (8, 8)}}
    )
    again = zoo.load(path, trainable=True)
    x = _images(generator) / 255.0
    np.testing.assert_allclose(again(x), backbone(x), atol=1e-6)
    again(x, training=True)
    backbone(x, training=True)
    np.testing.assert_allclose(again.losses[0], backbone.losses[0], rtol=1e-6)
    assert len(again.weights) == 5


def test_tables_go_with_it(saved, tmp_path):
    backbone = zoo.HubBackbone(saved("text_encoder"))
    again = zoo.load(zoo.save(backbone, tmp_path / "again"))
    text = tf.constant(["good film", "other"])
    np.testing.assert_array_equal(again(text), backbone(text))


def test_dicts_stay_dicts(saved, tmp_path):
    backbone = zoo.HubBackbone(saved("dict_encoder"))
    again = zoo.load(zoo.save(backbone, tmp_path / "again"))
    ids = {
        "input_word_ids": np.ones((2, 4), "int32"),
        "input_mask": np.ones((2, 4), "int32"),
    }
    for key, value in backbone(ids).items():
        np.testing.assert_array_equal(again(ids)[key], value)


def test_tensorflow_hub_loads_it(tmp_path, generator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses pkg_resources
        import tensorflow_hub as hub

    model, x = _network(), _images(generator)
    loaded = hub.load(str(zoo.save(model, tmp_path / "mine", PIXELS)))
    np.testing.assert_allclose(loaded(x, training=False), model(x), atol=1e-4)


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("precious")
    with pytest.raises(ValueError, match="empty or does not exist"):
        zoo.save(_network(), tmp_path / "mine", PIXELS)
    assert [path.name for path in tmp_path.rglob("*.txt")] == ["notes.txt"]


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OSError, match="No space"):
        zoo.save(_network(), tmp_path / "mine", PIXELS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("model", [None, keras.layers.Dense(2)])
def test_only_built_models_are_saved(tmp_path, model):
    with pytest.raises(ValueError, match="built Functional"):
        zoo.save(model, tmp_path / "mine")
