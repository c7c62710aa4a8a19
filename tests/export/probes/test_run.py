"""Probes answer as the graph does, errors among the answers."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_transfer.export import probes
from keras_transfer.export.probes.run import LOADERS

X = np.array([[1, 2, 3, 6]], "float32")

run_module = sys.modules["keras_transfer.export.probes.run"]


@pytest.mark.slow
@pytest.mark.parametrize("loader", LOADERS)
def test_every_dtype_comes_back_as_it_went(loader, folder, call, given):
    (answer,) = probes.run(loader, folder, [call("echo", given, repeat=3)])
    assert answer.ok, answer.message
    assert len(answer.seconds) == 3
    assert min(answer.seconds) > 0
    strings = answer.outputs.pop("string_back")
    assert strings.tolist() == [
        [b"", "d\xfcnn".encode()],
        [b"x" * 22 + b"\0", b"\xff\xd8\0" * 100_000],
    ]
    del given["string"]
    assert answer.outputs.keys() == {f"{name}_back" for name in given}
    for name, array in given.items():
        back = answer.outputs[f"{name}_back"]
        assert back.dtype == array.dtype
        assert back.tobytes() == array.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("loader", LOADERS)
def test_an_error_is_an_answer_and_ends_nothing(loader, folder, call):
    before, error, after, scalar = probes.run(
        loader,
        folder,
        [
            call("lookup", {"word": ["dog", b"cat", "cow"]}),
            call("strict", {}),
            call("strict", {"x": X}),
            call("scalar", {}),
        ],
    )
    assert before.outputs["number"].tolist() == [7, 3, -1]
    assert (error.ok, error.outputs) == (False, None)
    assert error.code == "INVALID_ARGUMENT"
    assert "must feed a value" in error.message
    assert after.outputs["mean"].tolist() == [3.0]
    assert scalar.outputs["text"][()] == b"end\0"
    assert scalar.outputs["number"].shape == ()
    peaks = [answer.peak_bytes for answer in (before, error, after)]
    if sys.platform.startswith("linux"):
        assert 2**25 < peaks[0] <= peaks[1] <= peaks[2] < 2**32


@pytest.mark.slow
@pytest.mark.parametrize("loader", LOADERS)
def test_a_folder_that_cannot_be_loaded_is_an_error(loader, tmp_path):
    with pytest.raises(probes.ProbeError, match="cannot be loaded") as caught:
        probes.run(loader, tmp_path, [])
    assert caught.value.code == (
        "OSError" if loader == "graph_session" else "NOT_FOUND"
    )


@pytest.mark.slow
@pytest.mark.parametrize("loader", LOADERS)
def test_variables_that_a_server_would_not_find_are_found_out(loader, tmp_path):
    # `tf.saved_model.load` reloads this one, the server does not.
    module = tf.Module()
    module.model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    predict = tf.function(
        lambda x: {"y": module.model(x)},
        input_signature=[tf.TensorSpec((None, 4), name="x")],
    )
    tf.saved_model.save(module, str(tmp_path), signatures=predict)
    signature = probes.signatures(tmp_path)["serving_default"]
    call = probes.Call(signature.inputs, signature.outputs, {"x": X})
    (answer,) = probes.run(loader, tmp_path, [call])
    assert not answer.ok
    assert "Could not find variable" in answer.message


@pytest.mark.parametrize("name", ["endless", "deadly"])
def test_a_process_that_does_not_end_well_is_an_error(name, folder, call):
    _needs_c_api()
    calls = [call("lax", {"x": X}), call(name, {"x": X})]
    with pytest.raises(probes.ProbeError, match="in call 2 of 2") as caught:
        probes.run("c_api", folder, calls, timeout=4)
    if name == "endless":
        assert caught.value.code == "DEADLINE_EXCEEDED"
        assert "killed after 4 seconds" in str(caught.value)
    else:
        assert caught.value.code == "CRASHED"
        assert "no way" in str(caught.value)


def test_a_process_that_has_no_time_to_load_says_so(folder, call):
    loader = "graph_session"
    with pytest.raises(probes.ProbeError, match="while it loaded"):
        probes.run(loader, folder, [call("lax", {"x": X})], timeout=0.1)


def test_the_surroundings_do_not_matter(folder, call, tmp_path, monkeypatch):
    _needs_c_api()
    (tmp_path / "numpy.py").write_text("raise ImportError('a trap')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TF_XLA_FLAGS", "--no_such_flag=1")
    monkeypatch.chdir(folder.parent)
    (answer,) = probes.run("c_api", folder.name, [call("lax", {"x": X})])
    assert answer.outputs["mean"].tolist() == [3.0]


def test_a_call_may_name_its_tensors(folder):
    _needs_c_api()
    inputs = {"mine": "lax_x:0"}
    outputs = probes.signatures(folder)["lax"].outputs
    mean = {"same": outputs["mean"].name}
    answers = probes.run(
        "c_api",
        folder,
        [
            probes.Call(inputs, mean, {"mine": X}),
            probes.Call(inputs, {"none": "no_such:0"}, {"mine": X}),
            probes.Call(inputs, {"none": "lax_x:1"}, {"mine": X}),
        ],
    )
    assert answers[0].outputs["same"].tolist() == [3.0]
    assert [answer.code for answer in answers[1:]] == ["NOT_FOUND"] * 2
    assert "no_such:0" in answers[1].message


def test_other_tags_load_another_graph_or_none(folder):
    _needs_c_api()
    with pytest.raises(probes.ProbeError, match="tags") as caught:
        probes.run("c_api", folder, [], tags=("serve", "tpu"))
    assert caught.value.code == "NOT_FOUND"


def test_a_loader_that_is_not_there_says_why(folder, monkeypatch):
    assert probes.is_available("graph_session")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, "platform", "darwin")
        found = probes.is_available("c_api")
        assert not found
        assert "darwin" in found.reason
        assert probes.is_available("graph_session")
    monkeypatch.setattr(run_module, "LIBRARY", "libnothing.so")
    assert "no libnothing.so in" in probes.is_available("c_api").reason
    with pytest.raises(ValueError, match="`loader`.*no libnothing.so"):
        probes.run("c_api", folder, [])


def test_wrong_arguments_are_named(folder, call):
    with pytest.raises(ValueError, match="Did you mean 'c_api'"):
        probes.run("capi", folder, [])
    with pytest.raises(ValueError, match="`given`.*one of 'x'"):
        probes.run("graph_session", folder, [call("lax", {"image": X})])
    with pytest.raises(ValueError, match="`given`.*strings"):
        given = {"word": ["cat", None]}
        probes.run("graph_session", folder, [call("lookup", given)])


def _needs_c_api():
    available = probes.is_available("c_api")
    if not available:
        pytest.skip(available.reason)
