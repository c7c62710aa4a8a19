"""What a graph says of itself."""

import keras
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.core.protobuf import saved_model_pb2

from keras_transfer.export import graph_checks


def _graph(tags=("serve",)):
    graph = meta_graph_pb2.MetaGraphDef()
    graph.meta_info_def.tags.extend(tags)
    return graph


def _write(folder, *graphs):
    saved = saved_model_pb2.SavedModel()
    saved.meta_graphs.extend(graphs)
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


def _statuses(graph):
    return {check.name: check.status for check in graph_checks.check(graph)}


def _text(graph, name):
    (check,) = [c for c in graph_checks.check(graph) if c.name == name]
    return check.text


def _saved(folder, function, *specs, module=None):
    """The graph of a SavedModel that TensorFlow wrote."""
    module = module or tf.Module()
    module.function = tf.function(function)
    signature = module.function.get_concrete_function(*specs)
    tf.saved_model.save(module, str(folder), signature)
    return graph_checks.read(folder)


ROW = tf.TensorSpec((None, 4), name="x")


@pytest.mark.slow
def test_an_export_is_fine(flowers):
    graph = graph_checks.read(flowers)
    assert _statuses(graph) == {
        "no XLA": "pass",
        "operations": "pass",
        "free batch": "pass",
        "output names": "pass",
    }


def test_the_graph_of_exactly_these_tags_is_read(tmp_path):
    _write(tmp_path, _graph(("serve", "tpu")), _graph(), _graph(("train",)))
    assert list(graph_checks.read(tmp_path).meta_info_def.tags) == ["serve"]
    found = graph_checks.read(tmp_path, ("tpu", "serve"))
    assert set(found.meta_info_def.tags) == {"serve", "tpu"}


def test_a_graph_without_the_tag_is_no_export(tmp_path):
    _write(tmp_path, _graph(("train",)), _graph(("serve", "gpu")))
    with pytest.raises(ValueError, match=r"\['train'\], \['gpu', 'serve'\]"):
        graph_checks.read(tmp_path)


def test_what_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff no protocol buffer")
    with pytest.raises(ValueError, match="a saved_model.pb that can be read"):
        graph_checks.read(tmp_path)


def test_a_compiled_function_needs_xla(tmp_path):
    compiled = tf.function(lambda x: tf.sin(x) + 1.0, jit_compile=True)
    graph = _saved(tmp_path, lambda x: {"y": compiled(x)}, ROW)
    assert _statuses(graph)["no XLA"] == "fail"
    assert "jit_compile" in _text(graph, "no XLA")


def test_a_compiled_function_that_no_signature_calls_hurts_nobody(tmp_path):
    module = tf.Module()
    module.beside = tf.function(tf.sin, jit_compile=True)
    module.beside.get_concrete_function(ROW)
    graph = _saved(tmp_path, lambda x: {"y": x + 1.0}, ROW, module=module)
    functions = graph.graph_def.library.function
    assert any(f.attr["_XlaMustCompile"].b for f in functions)
    assert _statuses(graph)["no XLA"] == "pass"


def test_a_compiled_function_in_a_branch_is_found(tmp_path):
    compiled = tf.function(tf.sin, jit_compile=True)

    def function(x):
        total = tf.reduce_sum(x)
        return {"y": tf.cond(total > 0, lambda: compiled(x), lambda: x)}

    assert _statuses(_saved(tmp_path, function, ROW))["no XLA"] == "fail"


def test_a_trained_keras_model_needs_no_xla(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=True)
    model.fit(tf.ones((4, 4)), tf.ones((4, 2)), verbose=0)
    model.export(tmp_path, verbose=False)
    assert _statuses(graph_checks.read(tmp_path))["no XLA"] == "pass"


@pytest.mark.parametrize("inside", [False, True])
def test_the_operation_of_jax2tf_is_found(inside):
    graph = _graph()
    if inside:
        function = graph.graph_def.library.function.add()
        function.signature.name = "inner"
        function.node_def.add(name="call", op="XlaCallModule")
        node = graph.graph_def.node.add(name="x", op="PartitionedCall")
        node.attr["f"].func.name = "inner"
    else:
        graph.graph_def.node.add(name="call", op="XlaCallModule")
    assert _statuses(graph)["no XLA"] == "fail"
    assert "XlaCallModule" in _text(graph, "no XLA")


def test_operations_of_other_packages_are_named():
    graph = _graph()
    graph.graph_def.node.add(name="a", op="SentencepieceOp")
    graph.graph_def.node.add(name="b", op="MatMul")
    assert _statuses(graph)["operations"] == "warn"
    assert _text(graph, "operations").startswith("SentencepieceOp: ")


def test_a_function_called_by_its_name_is_no_operation():
    graph = _graph()
    function = graph.graph_def.library.function.add()
    function.signature.name = "twice"
    graph.graph_def.node.add(name="a", op="twice")
    assert _statuses(graph)["operations"] == "pass"


@pytest.mark.parametrize(("size", "status"), [(-1, "pass"), (8, "warn")])
def test_a_fixed_batch(size, status):
    graph = _graph()
    info = graph.signature_def["predict"].inputs["x"]
    for axis in (size, 4):
        info.tensor_shape.dim.add(size=axis)
    assert _statuses(graph)["free batch"] == status
    if status == "warn":
        assert "predict: x" in _text(graph, "free batch")


@pytest.mark.parametrize(
    ("name", "dtype", "status"),
    [
        ("text_bytes", types_pb2.DT_STRING, "warn"),
        ("text", types_pb2.DT_STRING, "pass"),
        ("size_in_bytes", types_pb2.DT_INT64, "pass"),
    ],
)
def test_outputs_that_rest_encodes(name, dtype, status):
    graph = _graph()
    graph.signature_def["predict"].outputs[name].dtype = dtype
    assert _statuses(graph)["output names"] == status
