"""Which layer a class activation map is made of."""

import keras
import numpy as np
import pytest

from keras_transfer import explain
from keras_transfer import zoo
from keras_transfer.explain import explained_model
from keras_transfer.explain import spatial_layer
from tests.explain import small_models

layers = keras.layers


def found(*inside, layer=None):
    model = keras.Sequential([keras.Input((12, 12, 3)), *inside])
    images = np.ones((1, 12, 12, 3), "float32")
    explained = explained_model.ExplainedModel(model, images)
    return spatial_layer.spatial_layer(explained, layer)


HEAD = [layers.Flatten, lambda: layers.Dense(2)]


def head():
    return [make() for make in HEAD]


CASES = {
    "the last convolution": [lambda: layers.Conv2D(2, 3, name="wanted")],
    "its activation": [
        lambda: layers.Conv2D(2, 3),
        lambda: layers.ReLU(name="wanted"),
    ],
    "pooling is passed over": [
        lambda: layers.Conv2D(2, 3, name="wanted"),
        lambda: layers.MaxPooling2D(),
        lambda: layers.GlobalAveragePooling2D(keepdims=True),
    ],
    "one place is none": [
        lambda: layers.Conv2D(2, 3, name="wanted"),
        lambda: layers.Conv2D(2, 10),
    ],
    "nine places are too few": [
        lambda: layers.Conv2D(2, 9, name="wanted"),
        lambda: layers.Conv2D(2, 2),
    ],
    "nine places are better than four": [
        lambda: layers.Conv2D(2, 10, name="wanted"),
        lambda: layers.MaxPooling2D(2, 1),
    ],
    "the output of a nested model": [
        lambda: keras.Sequential(
            [
                keras.Input((12, 12, 3)),
                layers.Conv2D(2, 3, name="wanted"),
                layers.MaxPooling2D(),
            ],
            name="inner",
        )
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_the_last_spatial_layer(case):
    seen = found(*[make() for make in CASES[case]], *head())
    assert seen.layer.name == "wanted"


def test_the_path_says_where_it_is():
    case = CASES["the output of a nested model"]
    assert found(*[make() for make in case], *head()).path == "inner/wanted"


def test_a_layer_by_name():
    inside = [layers.Conv2D(2, 3, name="one"), layers.Conv2D(2, 3, name="two")]
    assert found(*inside, *head(), layer="one").path == "one"


def test_names_that_will_not_do():
    inside = [layers.Conv2D(2, 3, name="one"), layers.Flatten(name="flat")]
    with pytest.raises(ValueError, match="Did you mean 'one'"):
        found(*inside, layers.Dense(2), layer="onne")
    model = keras.Sequential(
        [keras.Input((12, 12, 3)), layers.Conv2D(2, 3), layers.Flatten()]
        + [layers.Dense(2, name="end")]
    )
    with pytest.raises(ValueError, match="height, width, channels"):
        explain.grad_cam(model, np.ones((1, 12, 12, 3)), layer="end")


def test_preparation_of_pixels_is_no_layer_to_look_at():
    inside = [layers.Rescaling(0.1), layers.Normalization(axis=-1), *head()]
    with pytest.raises(ValueError, match="Use saliency or smooth_grad"):
        found(*inside)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Two SavedModels of the same convolutions: maps, and their mean."""
    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(0)
    maps = keras.Sequential(
        [keras.Input((12, 12, 3)), layers.Conv2D(4, 3, activation="relu")]
    )
    pooled = keras.Sequential(
        [keras.Input((12, 12, 3)), maps, layers.GlobalAveragePooling2D()]
    )
    card = {"preprocessing": {"value_range": (0, 255)}}
    return maps, {
        "maps": zoo.save(maps, folder / "maps", card=card),
        "pooled": zoo.save(pooled, folder / "pooled", card=card),
    }


def over(backbone, head, pool):
    between = [layers.GlobalAveragePooling2D()] if pool else []
    return keras.Sequential(
        [keras.Input((12, 12, 3)), backbone, *between, head]
    )


@pytest.mark.parametrize("trainable", [False, True])
def test_maps_of_a_hub_backbone(saved, trainable):
    maps, paths = saved
    dense = layers.Dense(3)
    backbone = zoo.HubBackbone(paths["maps"], trainable=trainable)
    images = small_models.images(2, channels=3)
    np.testing.assert_allclose(
        explain.grad_cam(over(backbone, dense, True), images, 1),
        explain.grad_cam(over(maps, dense, True), images, 1),
        atol=1e-5,
    )


def test_saliency_passes_through_a_hub_backbone(saved):
    maps, paths = saved
    dense = layers.Dense(3)
    backbone = zoo.HubBackbone(paths["pooled"])
    images = small_models.images(2, channels=3)
    np.testing.assert_allclose(
        explain.saliency(over(backbone, dense, False), images, 1),
        explain.saliency(over(maps, dense, True), images, 1),
        atol=1e-5,
    )


def test_grad_cam_says_what_to_do_where_a_hub_backbone_pools(saved):
    model = over(zoo.HubBackbone(saved[1]["pooled"]), layers.Dense(3), False)
    with pytest.raises(ValueError, match="output_key of an endpoint"):
        explain.grad_cam(model, small_models.images(2, channels=3))
