"""Versions of any origin, loaded and run as a server does."""

import pathlib
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import keras_transfer as kt
from keras_transfer.export import batching
from keras_transfer.export import model_card
from keras_transfer.export import verification
from keras_transfer.export import warmup
from tests.export import exported
from tests.export.exported import status_of
from tests.export.exported import text_of

ROW = tf.TensorSpec((None, 4), name="x")
WORDS = list(verification.LOADERS.values())
ROWS = "rows stand alone"


@pytest.fixture
def untried(monkeypatch):
    """Without the processes, to look at files only."""
    monkeypatch.setattr(verification, "try_out", exported.nothing_tried)


def _edit(folder, change):
    """Changes the SavedModel's protocol buffer."""
    path = pathlib.Path(folder, "saved_model.pb")
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(saved)
    path.write_bytes(saved.SerializeToString())


def _save(folder, **functions):
    """A SavedModel of TensorFlow's own with these `(function, *specs)`."""
    module = tf.Module()
    signatures = {}
    for name, (function, *specs) in functions.items():
        traced = tf.function(function).get_concrete_function(*specs)
        setattr(module, f"function_{name}", traced)
        signatures[name] = traced
    tf.saved_model.save(module, str(folder), signatures)
    return folder


# === Exports of this package ===


@pytest.mark.slow
def test_an_export_passes(flowers):
    report = kt.export.verify(flowers)
    assert report.failures == []
    assert {check.status for check in report.checks} <= {"pass", "skip"}
    assert report.path == flowers.path
    assert report.largest_difference < 1e-5
    assert set(report.differences) == {
        "predict",
        "image_bytes",
        "features",
        "classify",
    }
    for name in report.differences:
        assert status_of(report, f"{name}, {ROWS}") == "pass"


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """A model with class names that marks bad rows, and its version."""
    model = exported.image_model()
    folder = tmp_path_factory.mktemp("masked") / "served"
    report = kt.export.save(
        model, folder, class_names=exported.CLASS_NAMES, on_invalid="mask"
    )
    return model, report.path


@pytest.mark.slow
def test_against_the_right_model_and_another_one(masked, tmp_path):
    model, version = masked
    path = tmp_path / "model.keras"
    model.save(path)
    assert kt.export.verify(version, against=path).passed
    other = keras.models.clone_model(model)
    other.set_weights([w + 0.01 for w in model.get_weights()])
    report = kt.export.verify(version, against=other)
    names = {check.name for check in report.failures}
    assert names == {f"predict, {words}" for words in WORDS}
    assert report.largest_difference > 1e-5


@pytest.mark.slow
def test_against_a_model_of_other_sizes(masked):
    inputs = keras.Input((4, 4, 3), name="image")
    model = keras.Model(inputs, keras.layers.Flatten()(inputs))
    words = "`against`.*a model that takes 'image' of shape"
    with pytest.raises(ValueError, match=words):
        kt.export.verify(masked[1], against=model)


@pytest.mark.slow
def test_against_a_model_of_other_classes(masked):
    inputs = keras.Input((6, 6, 3), name="image")
    model = keras.Model(inputs, keras.layers.Flatten()(inputs))
    with pytest.raises(ValueError, match="`against`.*108 names"):
        kt.export.verify(masked[1], against=model)


def test_against_a_model_of_several_inputs(copied):
    pair = [keras.Input((6, 6, 3), name=name) for name in ("left", "right")]
    model = keras.Model(pair, keras.layers.Add()(pair))
    with pytest.raises(
        ValueError, match=r"inputs \['image'\].*'left', 'right'"
    ):
        kt.export.verify(copied, against=model)


@pytest.mark.slow
def test_half_precision_is_judged_by_its_own_tolerance(tmp_path):
    inputs = keras.Input((4,), name="numbers")
    x = keras.layers.Dense(64, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(5, name="out")(x))
    version = kt.export.save(model, tmp_path / "x", precision="bfloat16")
    report = kt.export.verify(version)
    assert report.failures == []
    assert report.largest_difference > 1e-5
    assert not kt.export.verify(version, tolerance=1e-7).passed


@pytest.mark.slow
def test_a_tampered_version(copied):
    data = next((copied / "variables").glob("variables.data-*"))
    contents = bytearray(data.read_bytes())
    contents[len(contents) // 2] ^= 0xFF
    data.write_bytes(bytes(contents))
    copied.chmod(0o700)
    moved = copied.rename(copied.with_name("v1"))
    report = kt.export.verify(moved)
    assert status_of(report, "version number") == "fail"
    assert status_of(report, "permissions") == "warn"
    assert status_of(report, "checksums") == "fail"
    assert data.name in text_of(report, "checksums")
    assert not all(
        status_of(report, f"loads, {words}") == "pass" for words in WORDS
    )


def test_kept_rows_that_cannot_be_read(untried, copied):
    path = copied / "assets.extra" / "samples" / "predict.npz"
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 3] ^= 0xFF
    path.write_bytes(bytes(contents))
    report = kt.export.verify(copied)
    assert status_of(report, "kept rows") == "fail"
    assert status_of(report, "checksums") == "fail"


def test_a_batching_file_that_changes_answers(untried, copied):
    (copied / batching.FILE).write_text(
        "max_batch_size { value: 8 } allowed_batch_sizes: [4, 8]\n"
        "pad_variable_length_inputs: true\n"
    )
    report = kt.export.verify(copied)
    assert status_of(report, "batching") == "fail"
    assert "pad_variable_length_inputs" in text_of(report, "batching")


@pytest.mark.slow
def test_warmup_that_does_not_replay(copied):
    pytest.importorskip("tensorflow_serving")
    good = {"image": np.zeros((2, 6, 6, 3), "float32")}
    bad = {"image": np.full((2, 6, 6, 3), np.nan, "float32")}
    warmup.write(copied, {"predict": good, "features": bad})
    report = kt.export.verify(copied)
    assert status_of(report, "warmup") == "fail"
    assert text_of(report, "warmup").startswith("features fails: ")


def test_a_name_like_a_point_is_that_of_the_folder(
    untried, copied, monkeypatch
):
    monkeypatch.chdir(copied)
    report = kt.export.verify(".")
    assert status_of(report, "version number") == "pass"
    assert report.path.name == "1"


# === What is no version ===


def test_the_base_folder_is_not_a_version(flowers):
    base = flowers.path.parent
    with pytest.raises(ValueError, match="Give one of its versions.*flowers/1"):
        kt.export.verify(base)


@pytest.mark.parametrize("name", ["", "none", "gs://bucket/flowers/1"])
def test_no_saved_model_at_all(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="`folder`"):
        kt.export.verify(name or tmp_path)


def test_a_saved_model_without_the_tag(copied):
    def change(saved):
        del saved.meta_graphs[0].meta_info_def.tags[:]
        saved.meta_graphs[0].meta_info_def.tags.append("train")

    _edit(copied, change)
    with pytest.raises(ValueError, match=r"\['serve'\].*has: \[\['train'\]\]"):
        kt.export.verify(copied)


# === Exports of other tools ===


@pytest.fixture(scope="module")
def of_keras(tmp_path_factory):
    """A model without names, and what `model.export` makes of it."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="softmax")]
    )
    folder = tmp_path_factory.mktemp("keras") / "served" / "7"
    model.export(folder, verbose=False)
    return model, folder


@pytest.mark.slow
def test_keras_own_export(of_keras):
    model, folder = of_keras
    report = kt.export.verify(folder, against=model)
    assert report.failures == []
    assert report.largest_difference < 1e-6
    assert status_of(report, "class names") == "warn"
    assert status_of(report, "checksums") == "skip"
    assert status_of(report, f"serving_default, {ROWS}") == "pass"
    other = keras.models.clone_model(model)
    other.set_weights([2.0 * w for w in model.get_weights()])
    assert not kt.export.verify(folder, against=other).passed


@pytest.mark.slow
def test_many_outputs_are_told_by_their_numbers(tmp_path):
    inputs = keras.Input((4,), name="x")
    outputs = [keras.layers.Dense(1)(inputs) for _ in range(11)]
    model = keras.Model(inputs, outputs)
    model.export(tmp_path / "1", verbose=False)
    report = kt.export.verify(tmp_path / "1", against=model)
    assert report.failures == []
    fewer = keras.Model(inputs, outputs[:2])
    with pytest.raises(ValueError, match="a model with the outputs"):
        kt.export.verify(tmp_path / "1", against=fewer)


@pytest.mark.slow
def test_variables_that_the_server_does_not_find(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    module = tf.Module()
    module.model = model
    module.serve = tf.function(lambda x: {"y": model(x)}, input_signature=[ROW])
    tf.saved_model.save(module, str(tmp_path / "1"), module.serve)
    # Python does not see it.
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    assert loaded.signatures["serving_default"](x=tf.ones((1, 4)))
    report = kt.export.verify(tmp_path / "1")
    (name,) = {"serving_default, graph and session"} & {
        check.name for check in report.failures
    }
    text = text_of(report, name)
    assert text.startswith("a server does not find the variables")
    assert "export.save" in text


@pytest.fixture(scope="module")
def curious(tmp_path_factory):
    """The report on signatures that are all wrong in their own way."""

    @tf.function(jit_compile=True)
    def compiled(x):
        return tf.sin(x) + 1.0

    def few_shot(support, labels, query):
        near = tf.argmin(
            tf.norm(query[:, None] - support[None], axis=-1), axis=1
        )
        return {"labels": tf.gather(labels, near)}

    folder = tmp_path_factory.mktemp("curious") / "served" / "1"
    _save(
        folder,
        compiled=(lambda x: {"y": compiled(x)}, ROW),
        fixed=(
            lambda x: {"y": x - tf.reduce_mean(x, 0)},
            tf.TensorSpec((2, 4), name="x"),
        ),
        few_shot=(
            few_shot,
            tf.TensorSpec((None, 4), name="support"),
            tf.TensorSpec((None,), tf.int32, name="labels"),
            tf.TensorSpec((None, 4), name="query"),
        ),
        named=(lambda x: {"text_bytes": tf.strings.as_string(x)}, ROW),
        scalar=(lambda x: {"mean": tf.reduce_mean(x)}, ROW),
        any_rank=(lambda x: {"y": x}, tf.TensorSpec(None, name="x")),
        one=(lambda x: {"y": 2.0 * x}, tf.TensorSpec((), name="x")),
    )
    return kt.export.verify(folder)


@pytest.mark.slow
def test_what_is_wrong_with_each_signature(curious):
    assert status_of(curious, "no XLA") == "fail"
    assert status_of(curious, "free batch") == "warn"
    assert "fixed: x" in text_of(curious, "free batch")
    assert status_of(curious, "output names") == "warn"
    assert "named: text_bytes" in text_of(curious, "output names")
    assert status_of(curious, f"few_shot, {ROWS}") == "fail"
    assert status_of(curious, f"named, {ROWS}") == "pass"
    assert status_of(curious, f"scalar, {ROWS}") == "warn"
    for name in ("any_rank", "one"):
        assert status_of(curious, name) == "warn"


@pytest.mark.slow
def test_a_fixed_batch_is_run_with_its_own_number_of_rows(curious):
    for words in WORDS:
        assert status_of(curious, f"fixed, {words}") == "pass"
    assert f"fixed, {ROWS}" not in {check.name for check in curious.checks}


@pytest.mark.slow
def test_compiled_signatures_fail_when_they_are_run(curious):
    names = {check.name for check in curious.checks if check.status != "pass"}
    assert "compiled, C API" in names


def test_a_graph_of_jax(untried, copied):
    def change(saved):
        graph = saved.meta_graphs[0].graph_def
        graph.node.add(name="jax", op="XlaCallModule")

    _edit(copied, change)
    report = kt.export.verify(copied)
    assert status_of(report, "no XLA") == "fail"
    assert "XlaCallModule" in text_of(report, "no XLA")


@pytest.mark.slow
def test_what_jax_itself_writes(untried, tmp_path):
    jax2tf = pytest.importorskip("jax.experimental.jax2tf")
    function = jax2tf.convert(
        lambda x: {"y": 2.0 * x}, polymorphic_shapes=["(rows, 4)"]
    )
    report = kt.export.verify(_save(tmp_path / "1", predict=(function, ROW)))
    assert status_of(report, "no XLA") == "fail"
    assert "XlaCallModule" in text_of(report, "no XLA")


@pytest.mark.slow
def test_a_saved_model_of_tensorflow_1(tmp_path):
    folder = tmp_path / "served" / "1"
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        weights = v1.Variable(tf.ones((4, 2)), name="weights")
        y = tf.matmul(x, weights)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
    report = kt.export.verify(folder)
    assert report.failures == []
    assert status_of(report, "operations") == "pass"
    assert status_of(report, f"serving_default, {ROWS}") == "pass"


@pytest.mark.slow
def test_the_same_version_copied_by_another_tool(flowers, tmp_path):
    # Without what stands beside it, it is a SavedModel like any other.
    folder = tmp_path / "served" / "1"
    shutil.copytree(flowers, folder)
    shutil.rmtree(folder / "assets.extra")
    report = kt.export.verify(folder)
    assert report.failures == []
    assert report.differences == {}
    assert model_card.read(folder) == {}
    # Random strings are no images, which says nothing against it.
    assert status_of(report, "image_bytes, C API") == "warn"
    assert status_of(report, f"serving_default, {ROWS}") == "pass"
