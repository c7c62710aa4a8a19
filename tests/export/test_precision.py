"""Variants answer nearly as the model, which stays as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import precision
from keras_transfer.export.served_model import ServedModel
from tests.export import exported
from tests.export import graphs
from tests.zoo import saved_models

LOWER = ["float16", "bfloat16", "int8"]


def _answers(served, rows):
    rows = {
        k: tf.constant(x.tolist() if x.dtype == object else x)
        for k, x in rows.items()
    }
    return {k: np.asarray(x) for k, x in served(rows).items()}


def _difference(model, rows, name):
    served = ServedModel(model)
    before = _answers(served, rows)
    variant = precision.variant(served, name)
    assert variant.input_specs == served.input_specs
    assert variant.output_names == served.output_names
    found = _answers(variant, rows)
    # The model itself has not changed.
    graphs.assert_same(_answers(served, rows), before, 0)
    return max(
        np.abs(found[key].astype("float32") - x.astype("float32")).max()
        / max(1.0, np.abs(x).max())
        for key, x in before.items()
    )


@pytest.mark.parametrize("name", LOWER)
def test_a_variant_is_near_and_not_equal(name, generator):
    model = exported.image_model()
    for weight in model.weights:
        weight.assign_add(generator.uniform(0, 0.1, weight.shape))
    rows = {"image": generator.uniform(0, 255, (4, 6, 6, 3)).astype("float32")}
    difference = _difference(model, rows, name)
    assert 0 < difference <= precision.TOLERANCES[name]


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_nested_layers_compute_in_half_precision(name):
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="deep")]
    )
    inputs = keras.Input((4,), name="x")
    outputs = keras.layers.Dense(2)(keras.Sequential([inner])(inputs))
    served = ServedModel(keras.Model(inputs, outputs))
    variant = precision.variant(served, name)
    kinds = {
        layer.compute_dtype
        for layer in variant.model._flatten_layers()
        if isinstance(layer, keras.layers.Dense)
    }
    assert kinds == {name}
    for weight in variant.model.weights:
        assert weight.dtype == "float32"


def test_int8_stores_8_bits():
    served = ServedModel(exported.number_model())
    variant = precision.variant(served, "int8")
    assert "int8" in {weight.dtype for weight in variant.model.weights}
    assert {weight.dtype for weight in served.model.weights} == {"float32"}


def test_what_has_no_8_bit_form_is_not_called_int8():
    model = keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])
    with pytest.raises(ValueError, match="no dense or embedding layer"):
        precision.variant(ServedModel(model), "int8")


def test_a_layer_that_is_used_twice_is_quantized_once():
    left, right = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    outputs = keras.layers.Add()([inner(left), inner(right)])
    model = keras.Model([left, right], outputs)
    rows = {name: np.eye(4, dtype="float32") for name in "ab"}
    difference = _difference(model, rows, "int8")
    assert difference <= precision.TOLERANCES["int8"]


@pytest.mark.parametrize("name", LOWER)
def test_what_layers_have_adapted_to_is_kept(name, generator):
    text = keras.Input((), dtype="string", name="text")
    size = keras.Input((1,), name="size")
    words = keras.layers.TextVectorization(output_mode="tf_idf")
    words.adapt(["good film", "bad film", "good"])
    scaled = keras.layers.Normalization()
    scaled.adapt(generator.normal(5, 9, (50, 1)))
    bins = keras.layers.Discretization(num_bins=3, output_mode="one_hot")
    bins.adapt(generator.normal(size=(50, 1)))
    x = keras.layers.Concatenate()([words(text), scaled(size), bins(size)])
    model = keras.Model([text, size], keras.layers.Dense(2)(x))
    rows = {
        "text": np.array([b"good", b"film bad", b"?"], object),
        "size": np.array([[-3.0], [0.0], [14.0]], "float32"),
    }
    difference = _difference(model, rows, name)
    assert difference <= precision.TOLERANCES[name]


def test_preprocessing_stays_exact(generator):
    inputs = keras.Input((8, 8, 3), name="image")
    x = kt.layers.ImagePreprocessing((4, 4), value_range=(-1, 1))(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    rows = {"image": generator.uniform(0, 255, (4, 8, 8, 3)).astype("float32")}
    assert _difference(model, rows, "bfloat16") < 0.02


def test_float32_is_the_model_itself():
    served = ServedModel(exported.number_model())
    assert precision.variant(served, "float32") is served


def test_a_finished_graph_has_its_own_precision(tmp_path):
    saved_models.image_encoder(tmp_path / "encoder")
    backbone = kt.zoo.HubBackbone(str(tmp_path / "encoder"))
    inner = keras.Sequential([keras.Input((8, 8, 3)), backbone])
    served = ServedModel(keras.Sequential([keras.Input((8, 8, 3)), inner]))
    for name in LOWER:
        with pytest.raises(ValueError, match=f"'{backbone.name}' is a finish"):
            precision.variant(served, name)


def test_unknown_precisions_are_refused():
    served = ServedModel(exported.number_model())
    with pytest.raises(ValueError, match="Did you mean 'bfloat16'"):
        precision.variant(served, "bf16")


@pytest.mark.slow
def test_the_report_tells_the_difference(tmp_path):
    report = kt.export.save(
        exported.image_model(),
        tmp_path,
        class_names=exported.CLASS_NAMES,
        precision="bfloat16",
    )
    assert report.passed and 0 < report.largest_difference < 0.1
