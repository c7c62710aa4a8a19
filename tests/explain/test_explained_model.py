"""What can be explained: logits, layers inside, and clear refusals."""

import keras
import numpy as np
import pytest

from keras_transfer import adaptation
from keras_transfer import explain
from keras_transfer.explain import explained_model
from tests.explain import small_models

layers = keras.layers


def looked_at(model, images):
    return explained_model.ExplainedModel(model, images.astype("float32"))


@pytest.mark.parametrize("kind", ["functional", "sequential", "subclassed"])
def test_a_layer_can_be_read_and_replaced(kind):
    plain, model = small_models.nested(kind)
    images = small_models.images().astype("float32")
    explained = looked_at(model, images)
    seen = explained.find("second")
    maps = explained.outputs_of(seen, images)
    twin = small_models.Twin(plain)
    np.testing.assert_allclose(maps, twin.maps(images), atol=1e-5)
    np.testing.assert_allclose(
        explained.logits_from(seen, images, maps),
        explained.logits(images),
        atol=1e-6,
    )
    changed = explained.logits_from(seen, images, 0.0 * maps)
    np.testing.assert_allclose(changed, twin.head[1][None] + 0 * changed)


@pytest.mark.parametrize("end", ["softmax", "sigmoid", "softmax layer"])
def test_logits_are_under_the_activation(end):
    images = small_models.images().astype("float32")
    model = small_models.convolutional(end if " " not in end else None)
    if end == "softmax layer":
        model = keras.Sequential([model, layers.Softmax()])
        model(images)
    logits = np.asarray(looked_at(model, images).logits(images), "float64")
    exponentials = np.exp(logits)
    expected = (
        exponentials / (1 + exponentials)
        if end == "sigmoid"
        else exponentials / exponentials.sum(axis=1, keepdims=True)
    )
    np.testing.assert_allclose(
        model.predict(images, verbose=0), expected, atol=1e-5
    )


def test_an_error_inside_leaves_the_model_as_it_was():
    model = small_models.convolutional("softmax")
    images = small_models.images().astype("float32")
    explained = looked_at(model, images)
    before = model.predict(images, verbose=0)
    with pytest.raises(Exception, match="shape"):
        explained.logits(images[:, :3])
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)


def test_one_column_is_two_logits():
    model = small_models.convolutional(classes=1)
    images = small_models.images().astype("float32")
    logits = looked_at(model, images).logits(images)
    outputs = model.predict(images, verbose=0)
    np.testing.assert_allclose(logits, np.hstack([-outputs, outputs]))


@pytest.mark.parametrize("end", [None, "sigmoid"])
def test_default_labels_of_one_column(end):
    model = small_models.convolutional(end, classes=1)
    images = small_models.images(8)
    explained = looked_at(model, images)
    found = explained.classes(images.astype("float32"), None, 3)
    is_one = model.predict(images, verbose=0)[:, 0] > 0.5
    expected = is_one if end else np.ones(8)
    np.testing.assert_array_equal(found, expected)


def test_lists_and_dicts_around_one_input_and_output():
    plain = small_models.convolutional()
    images = small_models.images()
    expected = explain.grad_cam(plain, images, 1)
    for wrap in (lambda x: [x], lambda x: {"only": x}):
        inputs = keras.Input((12, 12, 1), name="only")
        model = keras.Model(wrap(inputs), wrap(plain(inputs)))
        np.testing.assert_allclose(
            explain.grad_cam(model, images, 1), expected, atol=1e-6
        )


def test_a_trainer_is_its_plain_model():
    model, images = small_models.convolutional(), small_models.images()
    trainer = adaptation.DomainAdaptation(model)
    np.testing.assert_array_equal(
        explain.grad_cam(trainer, images, 1), explain.grad_cam(model, images, 1)
    )


def test_dropout_and_batch_norm_are_those_of_inference():
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.9),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    images = small_models.images()
    before = [np.array(weight) for weight in model.get_weights()]
    one, again = (explain.grad_cam(model, images, 1) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def two_inputs():
    inputs = [keras.Input((12, 12, 1)), keras.Input((3,))]
    x = layers.Flatten()(layers.Conv2D(2, 3)(inputs[0]))
    x = layers.Concatenate()([x, inputs[1]])
    return keras.Model(inputs, layers.Dense(2)(x))


def two_outputs():
    model = small_models.convolutional()
    return keras.Model(model.inputs[0], [model.outputs[0]] * 2)


def unbuilt():
    return keras.Sequential([layers.Conv2D(2, 3), layers.Flatten()])


IMAGES = small_models.images()
REFUSED = {
    "no model": (lambda: "model", IMAGES, None, "a keras.Model"),
    "unbuilt": (unbuilt, IMAGES, None, "no weights yet"),
    "two inputs": (two_inputs, IMAGES, None, "has 2 inputs"),
    "two outputs": (two_outputs, IMAGES, None, "with one output"),
    "dict": (small_models.convolutional, {"a": IMAGES}, None, "a dict"),
    "strings": (small_models.convolutional, [["a"]], None, "of numbers"),
    "one image": (
        small_models.convolutional,
        IMAGES[0],
        None,
        r"image\[None\]",
    ),
    "no rows": (small_models.convolutional, IMAGES[:0], None, "one row"),
    "other size": (
        small_models.convolutional,
        IMAGES[:, :6],
        None,
        "of the model",
    ),
    "NaN": (small_models.convolutional, IMAGES * np.nan, None, "row 0"),
    "large label": (small_models.convolutional, IMAGES, 4, "from 0 to 3"),
    "negative": (small_models.convolutional, IMAGES, -1, "from 0 to 3"),
    "few labels": (small_models.convolutional, IMAGES, [1], "3 class numbers"),
    "float labels": (
        small_models.convolutional,
        IMAGES,
        [0.0, 1.0, 2.0],
        "3 class numbers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_explained(case):
    make, images, labels, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        explain.grad_cam(make(), images, labels)


def test_a_layer_that_is_called_twice_has_no_one_output():
    shared = layers.Conv2D(1, 3, padding="same", name="shared")
    inputs = keras.Input((12, 12, 1))
    x = layers.Flatten()(shared(shared(inputs)))
    model = keras.Model(inputs, layers.Dense(2)(x))
    with pytest.raises(ValueError, match="exactly once"):
        explain.grad_cam(model, small_models.images(), layer="shared")


@pytest.mark.parametrize("size", [0, 2.0])
def test_batch_size_is_a_positive_integer(size):
    with pytest.raises(ValueError, match="batch_size"):
        explain.grad_cam(small_models.convolutional(), IMAGES, batch_size=size)
