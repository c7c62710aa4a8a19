"""Which models can be served, and by which names."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export.served_model import ServedModel


def _dense(inputs, **options):
    return keras.layers.Dense(2, **options)(inputs)


def test_inputs_and_outputs_keep_their_names():
    left, right = keras.Input((2,), name="left"), keras.Input((3,), name="b")
    model = keras.Model(
        [left, right],
        [_dense(left, name="first"), _dense(right, name="second")],
    )
    served = ServedModel(model)
    assert served.input_specs == {
        "left": tf.TensorSpec((None, 2), tf.float32, "left"),
        "b": tf.TensorSpec((None, 3), tf.float32, "b"),
    }
    rows = {"b": np.ones((4, 3), "float32"), "left": np.ones((4, 2), "float32")}
    answers = served(rows)
    expected = model.predict([rows["left"], rows["b"]], verbose=0)
    assert list(answers) == ["first", "second"]
    for answer, wanted in zip(answers.values(), expected, strict=True):
        np.testing.assert_allclose(answer, wanted, atol=1e-6)


@pytest.mark.parametrize("structure", ["dict", "list", "nest"])
def test_any_structure_of_inputs_is_taken_by_name(structure):
    a, z = keras.Input((2,), name="a"), keras.Input((2,), name="z")
    outputs = keras.layers.Subtract(name="out")([a, z])
    inputs = {
        "dict": {"z": z, "a": a},
        "list": [z, a],
        "nest": {"x": [z], "a": a},
    }[structure]
    served = ServedModel(keras.Model(inputs, outputs))
    ones, twos = np.ones((3, 2), "float32"), np.full((3, 2), 2.0, "float32")
    np.testing.assert_array_equal(served({"a": ones, "z": twos})["out"], -ones)


def test_counters_of_the_process_are_no_names():
    def names(inputs):
        tensors = keras.tree.flatten(inputs)
        outputs = keras.layers.Concatenate()(tensors)
        return list(ServedModel(keras.Model(inputs, outputs)).input_specs)

    def two():
        return keras.Input((1,)), keras.Input((2,))

    assert names(list(two())) == ["inputs_0", "inputs_1"]
    sequential = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert list(ServedModel(sequential).input_specs) == ["inputs"]
    with pytest.warns(UserWarning, match="must match the names"):
        assert names(dict(zip(["b", "a"], two(), strict=True))) == ["a", "b"]


def test_dropout_and_batch_norm_are_in_inference_mode():
    inputs = keras.Input((3,), name="x")
    x = keras.layers.BatchNormalization()(inputs)
    served = ServedModel(
        keras.Model(inputs, keras.layers.Dropout(0.9, name="out")(x))
    )
    rows = np.arange(6, dtype="float32").reshape(2, 3)
    answer = tf.function(served)({"x": rows})["out"]
    # Fresh statistics: mean 0, variance 1.
    np.testing.assert_allclose(answer, rows / np.sqrt(1.001), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "string"])
def test_dtypes_of_inputs_are_kept(dtype):
    inputs = keras.Input((), dtype=dtype, name="x")
    if dtype == "string":
        outputs = keras.layers.StringLookup(vocabulary=["a"])(inputs)
    else:
        outputs = keras.layers.Identity()(inputs)
    served = ServedModel(keras.Model(inputs, outputs))
    assert served.input_specs["x"] == tf.TensorSpec((None,), dtype, "x")


class Subclassed(keras.Model):
    """Has no graph."""

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: keras.layers.Dense(1),
        lambda: Subclassed(),
        lambda: keras.Sequential([keras.layers.Dense(1)]),
    ],
)
def test_what_is_no_built_plain_model_is_refused(make):
    with pytest.raises(ValueError, match="built Functional or Sequential"):
        ServedModel(make())


def test_of_a_trainer_its_model_is_exported():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(2)]
    )
    trainer = kt.DomainAdaptation(model, alignment="dann")
    with pytest.raises(ValueError, match=r"export trainer\.model"):
        ServedModel(trainer)
    assert ServedModel(trainer.model).output_names == [model.layers[-1].name]


def test_outputs_of_one_name_are_refused():
    inputs = keras.Input((4, 2))
    outputs = keras.layers.LSTM(3, return_state=True, name="lstm")(inputs)
    with pytest.raises(ValueError, match="different names.*lstm"):
        ServedModel(keras.Model(inputs, outputs))


@pytest.mark.parametrize("name", ["my input", "1x", "self", "Größe", "a-b"])
def test_inputs_that_tensorflow_would_rename_are_refused(name):
    inputs = keras.Input((2,), name=name)
    with pytest.raises(ValueError, match="cannot be served under this name"):
        ServedModel(keras.Model(inputs, _dense(inputs)))


@pytest.mark.parametrize("name", ["out put", "ü"])
def test_outputs_that_a_graph_cannot_name_are_refused(name):
    inputs = keras.Input((2,))
    with pytest.raises(ValueError, match=f"The output '{name}'"):
        ServedModel(keras.Model(inputs, _dense(inputs, name=name)))


def test_a_fixed_batch_and_sparse_inputs_are_refused():
    inputs = keras.Input((2,), batch_size=4, name="x")
    with pytest.raises(ValueError, match="'x' has a fixed batch of 4"):
        ServedModel(keras.Model(inputs, _dense(inputs)))
    inputs = keras.Input((2,), sparse=True, name="x")
    with pytest.raises(ValueError, match="'x' is sparse"):
        ServedModel(keras.Model(inputs, _dense(inputs)))


def test_only_input_and_only_output_name_the_others():
    left, right = keras.Input((2,), name="l"), keras.Input((2,), name="r")
    served = ServedModel(
        keras.Model(
            [left, right], [_dense(left, name="a"), _dense(right, name="b")]
        )
    )
    with pytest.raises(ValueError, match=r"'image_bytes'.*\['l', 'r'\]"):
        served.only_input("image_bytes")
    with pytest.raises(ValueError, match=r"Class names.*\['a', 'b'\]"):
        served.only_output("Class names")


def test_nan_is_a_missing_value_where_a_table_is_prepared():
    rows = np.array([[1.0, np.nan], [2.0, 3.0]], "float32")
    preparation = kt.data.TablePreparation()
    preparation.adapt(rows)
    table, other = keras.Input((2,), name="table"), keras.Input((2,), name="b")
    features = preparation(table)
    outputs = keras.layers.Concatenate()([features, other])
    assert ServedModel(keras.Model([table, other], outputs)).may_be_nan == {
        "table"
    }
    # Not where the raw rows go elsewhere too.
    outputs = keras.layers.Concatenate()([features, table])
    assert ServedModel(keras.Model(table, outputs)).may_be_nan == set()
