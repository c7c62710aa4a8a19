"""Signatures are read, not loaded."""

import pytest
import tensorflow as tf

from keras_transfer.export import probes


def test_names_dtypes_and_shapes(folder):
    found = probes.signatures(folder)
    assert list(found) == sorted(found)
    assert "__saved_model_init_op" not in found
    lookup = found["lookup"]
    assert lookup.method_name == "tensorflow/serving/predict"
    assert lookup.inputs == {"word": ("lookup_word:0", "string", (None,))}
    assert lookup.outputs["number"].dtype == "int32"
    assert found["scalar"].inputs == {}
    assert found["scalar"].outputs["text"].shape == ()
    echo = found["echo"]
    assert {info.dtype for info in echo.inputs.values()} == set(echo.inputs)


def test_an_unknown_rank_and_other_tags(tmp_path):
    module = tf.Module()
    function = tf.function(
        lambda x: {"y": x + 1.0},
        input_signature=[tf.TensorSpec(None, name="x")],
    )
    tf.saved_model.save(module, str(tmp_path), signatures=function)
    signature = probes.signatures(tmp_path, ["serve"])["serving_default"]
    assert signature.inputs["x"].shape is None
    with pytest.raises(ValueError, match=r"`tags`.*\['serve'\]"):
        probes.signatures(tmp_path, ("serve", "tpu"))


def test_what_is_no_saved_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`folder`.*numbered versions"):
        probes.signatures(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 20)
    with pytest.raises(ValueError, match="`folder`.*can be read"):
        probes.signatures(tmp_path)
