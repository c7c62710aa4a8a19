"""The graph for TPUs, and what XLA makes of signatures."""

import keras
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_transfer.export import probes
from keras_transfer.export import tpu
from tests.export import exported
from tests.export import graphs


@pytest.fixture
def written(tmp_path):
    """Makes a version: `(folder, signatures)`."""

    def make(model, *names):
        made = graphs.make(model, *names)
        return graphs.write(tmp_path / "1", model, made), made

    return make


def _graphs(folder):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved.meta_graphs


def test_a_second_graph_has_the_tags_of_a_tpu(written):
    folder, made = written(exported.image_model(), "predict", "image_bytes")
    checks = tpu.add(folder, made, (1, 4))
    assert [(c.name, c.status) for c in checks] == [
        ("predict, XLA", "pass"),
        ("image_bytes, XLA", "pass"),
    ]
    assert checks[0].text == "compiles for batches of 1, 4"
    assert "decoding runs on the host" in checks[1].text
    first, second = _graphs(folder)
    assert list(first.meta_info_def.tags) == ["serve"]
    assert list(second.meta_info_def.tags) == ["serve", "tpu"]
    assert second.signature_def == first.signature_def
    assert second.graph_def == first.graph_def
    # The first is still what a server without a TPU loads.
    (answer,) = graphs.run(
        folder, [("predict", {"image": tf.ones((1, 6, 6, 3)).numpy()})]
    )
    assert answer.ok
    tagged = probes.signatures(folder, tags=("serve", "tpu"))
    assert tagged == probes.signatures(folder)


def test_nothing_is_done_for_no_batch_sizes(written):
    folder, made = written(exported.number_model(), "predict")
    for none in ((), []):
        assert tpu.add(folder, made, none) == []
    assert len(_graphs(folder)) == 1


def test_what_cannot_run_on_a_tpu_is_named(written):
    text = keras.Input((), dtype="string", name="text")
    x = keras.layers.Hashing(num_bins=3, output_mode="one_hot")(text)
    folder, made = written(keras.Model(text, x), "predict")
    (check,) = tpu.add(folder, made, (1,))
    assert check.status == "warn" and "text are strings" in check.text


class Written(keras.layers.Layer):
    """Makes strings on its way, for which XLA has no operations."""

    def call(self, inputs):
        return tf.strings.to_number(tf.strings.as_string(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape


def test_what_xla_does_not_compile_is_named(written):
    inputs = keras.Input((3,), name="x")
    folder, made = written(keras.Model(inputs, Written()(inputs)), "predict")
    (check,) = tpu.add(folder, made, (2,))
    assert check.status == "warn"
    assert check.text.startswith("does not compile: ")
    assert "\n" not in check.text


def test_a_free_axis_is_no_shape_for_a_tpu(written):
    inputs = keras.Input((None, 2), name="x")
    outputs = keras.layers.GlobalAveragePooling1D()(inputs)
    folder, made = written(keras.Model(inputs, outputs), "predict")
    (check,) = tpu.add(folder, made, (2,))
    assert check.status == "warn" and "x" in check.text


@pytest.mark.parametrize("wrong", [8, (0,), (1.5,), (1, "2"), None])
def test_batch_sizes_that_are_none_are_refused(written, wrong):
    folder, made = written(exported.number_model(), "predict")
    with pytest.raises(ValueError, match="`tpu_batch_sizes`"):
        tpu.add(folder, made, wrong)
    assert len(_graphs(folder)) == 1
