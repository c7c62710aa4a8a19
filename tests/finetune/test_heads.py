"""A new head in the place of the old one, on a copy."""

import keras
import numpy as np
import pytest

from keras_transfer.finetune.heads import with_new_head

L = keras.layers


def _backbone():
    return keras.Sequential(
        [keras.Input((6, 6, 1)), L.Conv2D(4, 3, name="conv")], name="backbone"
    )


def _classifier(tail=()):
    inputs = keras.Input((6, 6, 1))
    x = L.GlobalAveragePooling2D(name="pooling")(_backbone()(inputs))
    x = L.Dense(5, name="hidden")(x)
    x = L.Dropout(0.5, name="dropout")(x)
    x = L.Dense(10, name="old")(x)
    for layer in tail:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("tail", ["none", "softmax"])
def test_the_last_dense_layer_is_replaced(tail):
    model = _classifier([L.Softmax()] if tail == "softmax" else [])
    new = with_new_head(model, 3, "new")
    names = [layer.name for layer in new.layers]
    assert names[-3:] == ["hidden", "dropout", "new"]
    assert new.output_shape == (None, 3)
    assert new.get_layer("new").units == 3


def test_features_are_those_of_the_old_model(generator):
    model = _classifier()
    new = with_new_head(model, 5, "new")
    new.get_layer("new").set_weights([np.eye(5), np.zeros(5)])
    x = generator.normal(size=(2, 6, 6, 1)).astype("float32")
    hidden = keras.Model(model.inputs[0], model.get_layer("hidden").output)
    np.testing.assert_allclose(new(x), hidden(x), atol=1e-6)


def test_the_old_model_does_not_change(generator):
    model = _classifier()
    before = model.get_weights()
    new = with_new_head(model, 3, "new")
    new.compile("sgd", "mse")
    new.fit(generator.normal(size=(4, 6, 6, 1)), np.ones((4, 3)), verbose=0)
    for old, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    assert not {id(w) for w in new.weights} & {id(w) for w in model.weights}
    assert model.output_shape == (None, 10)


def test_feature_maps_are_pooled(generator):
    backbone = _backbone()
    new = with_new_head(backbone, 4, "new")
    new.get_layer("new").set_weights([np.eye(4), np.zeros(4)])
    x = generator.normal(size=(2, 6, 6, 1)).astype("float32")
    expected = np.array(backbone(x)).mean(axis=(1, 2))
    np.testing.assert_allclose(new(x), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("features", "width"),
    [("pooling", 4), ("hidden", 5), ("old", 10), ("backbone", 4)],
)
def test_the_head_goes_where_it_is_told(features, width):
    new = with_new_head(_classifier(), 3, "new", features=features)
    assert new.get_layer("new").kernel.shape == (width, 3)


def test_dense_features_inside_a_nested_model_are_features():
    inner = keras.Sequential([keras.Input((4,)), L.Dense(6)], name="inner")
    new = with_new_head(keras.Sequential([inner, L.ReLU()]), 3, "new")
    assert new.get_layer("new").kernel.shape == (6, 3)


def test_a_layer_needs_the_shape_of_its_inputs():
    layer = L.Conv2D(4, 3)
    new = with_new_head(layer, 3, "new", input_shape=(6, 6, 1))
    assert new.output_shape == (None, 3)
    with pytest.raises(ValueError, match="`input_shape`"):
        with_new_head(layer, 3, "new")
    with pytest.raises(ValueError, match="`input_shape`"):
        with_new_head(_backbone(), 3, "new", input_shape=(6, 6, 1))


def test_a_hub_backbone_keeps_its_weights(generator):
    import keras_transfer as kt

    backbone = kt.zoo.HubBackbone("omniglot_conv4")
    first = next(iter(backbone.named_variables.values()))
    first.assign(first + 1.0)
    new = with_new_head(backbone, 64, "new", input_shape=(28, 28, 1))
    new.get_layer("new").set_weights([np.eye(64), np.zeros(64)])
    x = generator.uniform(size=(2, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(new(x), backbone(x), atol=1e-4)


def test_logits_are_single_precision():
    keras.config.set_dtype_policy("mixed_float16")
    new = with_new_head(_backbone(), 3, "new")
    assert new.outputs[0].dtype == "float32"
    assert new.get_layer("conv").compute_dtype == "float16"


class Own(keras.Model):
    """Has no graph."""

    def __init__(self):
        super().__init__()
        self.dense = L.Dense(3)

    def call(self, inputs):
        return self.dense(inputs)


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (lambda: "resnet", {}, "`model`"),
        (Own, {}, "without a graph"),
        (lambda: keras.Sequential([L.Dense(3)]), {}, "no weights yet"),
        (_classifier, {"features": "hiden"}, "`features`.*hidden"),
        (_classifier, {"name": "hidden"}, "`name`"),
    ],
    ids=["text", "subclass", "unbuilt", "unknown", "taken_name"],
)
def test_what_has_no_place_for_a_head_is_refused(model, arguments, message):
    arguments = {"num_classes": 3, "name": "new", **arguments}
    with pytest.raises(ValueError, match=message):
        with_new_head(model(), **arguments)


def test_several_outputs_are_not_evident():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [L.Dense(2)(inputs), L.Dense(3)(inputs)])
    with pytest.raises(ValueError, match="2 outputs"):
        with_new_head(model, 3, "new")
