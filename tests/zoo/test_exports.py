"""Exports of models around a backbone, read as TF Serving reads them."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer import zoo

#: Loads by graph and session, in a process that knows neither Keras nor us.
SERVER = """
import sys

for name in ("keras", "tf_keras", "keras_transfer"):
    sys.modules[name] = None  # whoever imports it fails

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
folder, signature, inputs, outputs = sys.argv[1:]
with tf.Session(graph=tf.Graph()) as session:
    graph = tf.saved_model.load(session, ["serve"], folder)
    wanted = graph.signature_def[signature]
    given = np.load(inputs, allow_pickle=True)
    results = session.run(
        {key: tensor.name for key, tensor in wanted.outputs.items()},
        {tensor.name: given[key] for key, tensor in wanted.inputs.items()},
    )
np.savez(outputs, **results)
"""


def served(folder, signature, inputs, scratch):
    """What a signature answers in a process without Keras."""
    np.savez(scratch / "inputs.npz", **inputs)
    subprocess.run(
        [
            sys.executable,
            *("-c", SERVER, str(folder), signature),
            *(str(scratch / "inputs.npz"), str(scratch / "outputs.npz")),
        ],
        check=True,
    )
    with np.load(scratch / "outputs.npz") as outputs:
        return dict(outputs)


def _image_model(saved, generator):
    backbone = zoo.HubBackbone(saved("image_encoder"), trainable=True)
    inputs = keras.Input((8, 8, 3), name="image")
    x = backbone(backbone.preprocessing(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    rows = generator.uniform(0, 255, (12, 8, 8, 3)).astype("float32")
    return model, {"image": rows}


def _keras_2_model(saved, generator):
    backbone = zoo.HubBackbone(saved("keras_2_encoder"), trainable=True)
    inputs = keras.Input((8, 8, 3), name="image")
    model = keras.Model(inputs, keras.layers.Dense(2)(backbone(inputs)))
    rows = generator.uniform(0, 1, (12, 8, 8, 3)).astype("float32")
    return model, {"image": rows}


def _keyword_model(saved, generator):
    backbone = zoo.HubBackbone(
        saved("keyword_encoder"), True, arguments={"batch_norm_momentum": 0.5}
    )
    inputs = keras.Input((8, 8, 3), name="image")
    model = keras.Model(inputs, keras.layers.Dense(2)(backbone(inputs)))
    rows = generator.uniform(0, 1, (12, 8, 8, 3)).astype("float32")
    return model, {"image": rows}


def _text_model(saved, generator):
    backbone = zoo.HubBackbone(saved("text_encoder"), trainable=True)
    inputs = keras.Input((), dtype="string", name="text")
    model = keras.Model(inputs, keras.layers.Dense(2)(backbone(inputs)))
    return model, {"text": np.array(["good film", "bad film"] * 6, object)}


def _dict_model(saved, generator):
    backbone = zoo.HubBackbone(
        saved("dict_encoder"), True, output_key="pooled_output"
    )
    inputs = {
        name: keras.Input((4,), dtype="int32", name=name)
        for name in ("input_mask", "input_word_ids")
    }
    model = keras.Model(inputs, keras.layers.Dense(2)(backbone(inputs)))
    rows = generator.integers(0, 7, (12, 4), dtype="int32")
    return model, {"input_mask": np.ones_like(rows), "input_word_ids": rows}


MODELS = (
    _image_model,
    _keras_2_model,
    _keyword_model,
    _text_model,
    _dict_model,
)


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__.strip("_"))
def trained(request, saved, generator):
    """A model after some steps, its rows, and its answers for them."""
    model, rows = request.param(saved, generator)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.05), loss)
    tensors = {key: tf.constant(value) for key, value in rows.items()}
    inputs = tensors if len(rows) > 1 else next(iter(tensors.values()))
    data = tf.data.Dataset.from_tensors((inputs, np.arange(12) % 2))
    before = [variable.numpy() for variable in model.trainable_variables]
    model.fit(data, epochs=3, verbose=0, shuffle=False)
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert not np.array_equal(old, new)
    return model, rows, np.asarray(tf.function(model)(inputs, training=False))


def test_the_graph_loader_reads_what_kt_export_writes(trained, tmp_path):
    model, rows, expected = trained
    report = kt.export.save(model, tmp_path / "served")
    (answer,) = served(report.path, "predict", rows, tmp_path).values()
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_the_graph_loader_reads_what_keras_exports(trained, tmp_path):
    model, rows, expected = trained
    model.export(tmp_path / "exported", verbose=False)
    (answer,) = served(
        tmp_path / "exported", "serving_default", rows, tmp_path
    ).values()
    np.testing.assert_allclose(answer, expected, atol=1e-6)
