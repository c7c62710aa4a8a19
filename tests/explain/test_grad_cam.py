"""Grad-CAM, beside a NumPy twin, and the models that it can enter."""

import keras
import numpy as np
import pytest

from keras_transfer import explain
from tests.explain import small_models

LABELS = np.array([2, 0, 3])


def twin(model, images, labels):
    """Equations 1 and 2 of the paper."""
    inside = small_models.Twin(model)
    maps = inside.maps(images)
    weights = inside.gradients(images, labels).mean(axis=(1, 2))
    summed = np.einsum("rhwk,rk->rhw", maps, weights)
    return small_models.enlarged(np.maximum(summed, 0))


def test_it_is_the_formula():
    model, images = small_models.convolutional(), small_models.images()
    maps = explain.grad_cam(model, images, LABELS)
    assert maps.shape == (3, 12, 12) and maps.dtype == np.float32
    np.testing.assert_allclose(maps, twin(model, images, LABELS), atol=1e-5)


def test_the_twin_is_the_model():
    model, images = small_models.convolutional(), small_models.images()
    np.testing.assert_allclose(
        small_models.Twin(model).logits(images),
        model.predict(images, verbose=0),
        atol=1e-5,
    )


@pytest.mark.parametrize("kind", ["functional", "sequential", "subclassed"])
def test_a_nested_layer_is_found(kind):
    plain, model = small_models.nested(kind)
    images = small_models.images()
    np.testing.assert_allclose(
        explain.grad_cam(model, images, LABELS),
        twin(plain, images, LABELS),
        atol=1e-5,
    )


@pytest.mark.parametrize("end", ["softmax", "layer", "sigmoid"])
def test_an_activation_at_the_end_is_left_out(end):
    model, images = small_models.convolutional(), small_models.images()
    if end == "layer":
        ended = keras.Sequential([model, keras.layers.Softmax()])
        ended(images)
    else:
        ended = small_models.convolutional(end)
        ended.set_weights(model.get_weights())
    before = ended.predict(images, verbose=0)
    np.testing.assert_allclose(
        explain.grad_cam(ended, images, LABELS),
        twin(model, images, LABELS),
        atol=1e-5,
    )
    np.testing.assert_array_equal(ended.predict(images, verbose=0), before)


def test_the_model_stays_as_it_is():
    _, model = small_models.nested("functional")
    images = small_models.images()
    layers = list(model._flatten_layers())
    before = (
        model.get_config(),
        [len(layer._inbound_nodes) for layer in layers],
        [dict(vars(layer)).keys() for layer in layers],
    )
    explain.grad_cam(model, images)
    assert before == (
        model.get_config(),
        [len(layer._inbound_nodes) for layer in layers],
        [dict(vars(layer)).keys() for layer in layers],
    )
    assert model.get_layer("backbone").output.shape == (None, 8, 8, 6)


def test_predicted_classes_are_the_default():
    model, images = small_models.convolutional(), small_models.images(5)
    predicted = model.predict(images, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(
        explain.grad_cam(model, images),
        explain.grad_cam(model, images, predicted),
    )


def test_batches_do_not_matter():
    model, images = small_models.convolutional(), small_models.images(5)
    np.testing.assert_allclose(
        explain.grad_cam(model, images, 1, batch_size=2),
        explain.grad_cam(model, images, 1),
        atol=1e-6,
    )


def test_floats_and_integers_are_the_same():
    model, images = small_models.convolutional(), small_models.images()
    np.testing.assert_array_equal(
        explain.grad_cam(model, images, 1),
        explain.grad_cam(model, images.astype("float64"), 1),
    )


def test_nothing_that_speaks_for_a_class_is_zero():
    model, images = small_models.convolutional(), small_models.images()
    weights = model.get_weights()
    weights[-2] = -np.abs(weights[-2])
    model.set_weights(weights)
    assert not explain.grad_cam(model, images, 1).any()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_close(policy):
    model, images = small_models.convolutional(), small_models.images()
    keras.config.set_dtype_policy(policy)
    mixed = small_models.convolutional()
    mixed.set_weights(model.get_weights())
    np.testing.assert_allclose(
        explain.grad_cam(mixed, images, LABELS),
        explain.grad_cam(model, images, LABELS),
        atol=0.05,
    )


def test_a_backbone_of_keras_applications():
    images = small_models.images(2, channels=3).repeat(9, 1).repeat(9, 2)
    backbone = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(108, 108, 3), alpha=0.35
    )
    model = keras.Sequential(
        [
            keras.Input((108, 108, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            backbone,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    maps = explain.grad_cam(model, images, 0)
    assert maps.shape == (2, 108, 108) and np.isfinite(maps).all()
    by_name = explain.grad_cam(model, images, 0, layer="out_relu")
    np.testing.assert_allclose(maps, by_name, atol=1e-6)


def test_diverged_weights_are_an_error():
    model = small_models.convolutional()
    model.set_weights([w * np.nan for w in model.get_weights()])
    with pytest.raises(ValueError, match="NaN or infinite"):
        explain.grad_cam(model, small_models.images(), 0)
