"""What is in the SavedModel, and that the server's loader finds it."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import probes
from keras_transfer.export import saved_model
from keras_transfer.export.classifier import Classifier
from keras_transfer.export.served_model import ServedModel
from tests.export import exported
from tests.export import graphs
from tests.zoo import saved_models

TEXTS = np.array([b"good film", b"bad", b"", "fünf".encode()], object)


def _assert_served(model, rows, folder, *names, **settings):
    """Through the loader of the server, as by the model in memory."""
    names = names or ("predict",)
    made = graphs.make(model, *names, **settings)
    graphs.write(folder, model, made)
    for path in folder.parent.glob("*.txt"):
        path.unlink()  # the export has a copy
    given = {name: signature.samples(rows) for name, signature in made.items()}
    answers = graphs.run(folder, given.items())
    for (name, inputs), answer in zip(given.items(), answers, strict=True):
        assert answer.ok, answer.message
        graphs.assert_same(answer.outputs, made[name].reference(inputs), 1e-5)
    return answers[0].outputs


def _variables(folder):
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    return {
        name: shape
        for name, shape in reader.get_variable_to_shape_map().items()
        if name.startswith("variables/")
    }


def _head(x, units=2):
    return keras.layers.Dense(units, name="logits")(x)


# === Files


def test_signatures_names_and_assets(tmp_path):
    model = exported.image_model()
    classifier = Classifier(
        ServedModel(model).only_output("Names"), ["rosé", "b", "ç"]
    )
    made = graphs.make(
        model, "predict", "classify", "features", classifier=classifier
    )
    names = classifier.class_names
    saved_model.write(tmp_path / "1", model, made, "features", names)
    found = probes.signatures(tmp_path / "1")
    methods = {name: x.method_name for name, x in found.items()}
    assert methods == {
        "predict": "tensorflow/serving/predict",
        "features": "tensorflow/serving/predict",
        "serving_default": "tensorflow/serving/predict",
        "classify": "tensorflow/serving/classify",
    }
    assert list(found["serving_default"].outputs) == ["features"]
    assert found["predict"].inputs["image"].shape == (None, 6, 6, 3)
    assert found["classify"].outputs["classes"].shape == (None, 3)
    path = tmp_path / "1" / saved_model.CLASS_NAMES
    assert path.read_text("utf-8").splitlines() == names


def test_the_default_may_be_of_an_older_api(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    graphs.write(tmp_path / "1", model, graphs.make(model, "regress"))
    found = probes.signatures(tmp_path / "1")
    assert {x.method_name for x in found.values()} == {
        "tensorflow/serving/regress"
    }


def test_the_function_for_a_tpu_has_its_alias(tmp_path):
    model = exported.number_model()
    graphs.write(tmp_path / "1", model, graphs.make(model, "predict"))
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString(
        (tmp_path / "1" / "saved_model.pb").read_bytes()
    )
    (graph,) = saved.meta_graphs
    assert list(graph.meta_info_def.function_aliases.values()) == [
        saved_model.TPU_ALIAS
    ]


# === Variables


def test_only_what_is_run_is_exported(tmp_path):
    model = exported.image_model()
    model.compile("adam", "mse")  # the optimizer stays behind
    graphs.write(tmp_path / "1", model, graphs.make(model, "predict"))
    assert len(_variables(tmp_path / "1")) == len(model.weights)


def _adapted(generator):
    """A trainer after two steps, and rows."""
    model = keras.Sequential(
        [
            keras.Input((4,), name="x"),
            keras.layers.Dense(3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, name="logits"),
        ]
    )
    trainer = kt.DomainAdaptation(
        model, alignment=["dann", "deep_coral"], batch_norm="separate"
    )
    trainer.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    rows = generator.normal(size=(8, 4)).astype("float32")
    pairs = kt.data.pair_domains(
        (rows, np.array([0, 1] * 4)), rows + 1, batch_size=4, seed=0
    )
    trainer.fit(pairs, verbose=0)
    return trainer, rows


def test_nothing_of_an_adaptation_is_exported(generator, tmp_path):
    trainer, rows = _adapted(generator)
    model = trainer.model
    found = _assert_served(model, {"x": rows}, tmp_path / "1")
    expected = model.predict(rows, verbose=0)
    np.testing.assert_allclose(found["logits"], expected, atol=1e-5)
    assert len(trainer.weights) > len(model.weights)
    shapes = [tuple(shape) for shape in _variables(tmp_path / "1").values()]
    assert sorted(shapes) == sorted(tuple(w.shape) for w in model.weights)


def test_layers_for_training_leave_nothing(generator, tmp_path):
    inputs = keras.Input((4,), name="x")
    x = keras.layers.Dense(3)(inputs)
    x = keras.layers.GaussianNoise(0.5)(x)
    reverse = kt.layers.GradientReversal()(x)
    discriminator = keras.layers.Dense(1, name="domain")(reverse)
    whole = keras.Model(inputs, [_head(x), discriminator])
    model = keras.Model(inputs, whole.outputs[0])
    rows = {"x": generator.normal(size=(3, 4)).astype("float32")}
    _assert_served(model, rows, tmp_path / "1")
    assert len(_variables(tmp_path / "1")) == 4
    # Exported with it, reversal is the identity.
    found = _assert_served(whole, rows, tmp_path / "2")
    assert found["domain"].any()


def test_an_alignment_loss_in_the_model_is_the_identity(generator, tmp_path):
    source = keras.Input((4,), name="source")
    target = keras.Input((4,), name="target")
    encoder = keras.layers.Dense(3)
    alignment = kt.alignment.AlignmentLoss("dann")
    x = alignment(encoder(source), encoder(target))
    model = keras.Model([source, target], _head(x))
    assert len(model.weights) > 4  # with a discriminator
    rows = {
        name: generator.normal(size=(3, 4)).astype("float32")
        for name in ("source", "target")
    }
    _assert_served(model, rows, tmp_path / "1")
    assert len(_variables(tmp_path / "1")) == 4


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_fixed_prototypes_are_served(distance, generator, tmp_path):
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    rows = generator.normal(size=(9, 4)).astype("float32")
    head = kt.layers.PrototypeHead(distance, learn_temperature=True)
    head.adapt(encoder.predict(rows, verbose=0), np.array([0, 1, 2] * 3))
    model = keras.Sequential([keras.Input((4,), name="x"), encoder, head])
    classifier = Classifier(ServedModel(model).only_output("Names"), [*"abc"])
    found = _assert_served(
        model, {"x": rows}, tmp_path / "1", classifier=classifier
    )
    best = model.predict(rows, verbose=0).argmax(1)
    assert found["classes"].tolist() == [b"abc"[i : i + 1] for i in best]


# === Backbones


@pytest.fixture
def encoders(tmp_path):
    """Makes a SavedModel of the zoo's tests by the name of its function."""

    def make(name):
        path = tmp_path / "encoders" / name
        path.parent.mkdir(exist_ok=True)
        getattr(saved_models, name)(path)
        return kt.zoo.HubBackbone(str(path), trainable=True)

    return make


def test_a_backbone_of_images(encoders, generator, tmp_path):
    backbone = encoders("image_encoder")
    inputs = keras.Input((8, 8, 3), name="image")
    model = keras.Model(inputs, _head(backbone(backbone.preprocessing(inputs))))
    model.compile("sgd", "mse")
    rows = generator.uniform(0, 255, (4, 8, 8, 3)).astype("float32")
    model.fit(rows, np.ones((4, 2)), verbose=0)
    found = _assert_served(
        model, {"image": rows}, tmp_path / "1", "predict", "image_bytes"
    )
    expected = model.predict(rows, verbose=0)
    np.testing.assert_allclose(found["logits"], expected, atol=1e-5)


def test_backbones_of_text_and_of_a_dict(encoders, tmp_path):
    inputs = keras.Input((), dtype="string", name="text")
    model = keras.Model(inputs, _head(encoders("text_encoder")(inputs)))
    found = _assert_served(model, {"text": TEXTS[:2]}, tmp_path / "1")
    assert np.ptp(found["logits"], axis=0).all()  # the vocabulary was found
    inputs = {
        name: keras.Input((4,), dtype="int32", name=name)
        for name in ("input_word_ids", "input_mask")
    }
    outputs = encoders("dict_encoder")(inputs)["pooled_output"]
    rows = {
        "input_word_ids": np.array([[1, 2, 3, 0], [4, 5, 0, 0]], "int32"),
        "input_mask": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], "int32"),
    }
    _assert_served(keras.Model(inputs, _head(outputs)), rows, tmp_path / "2")


# === Tables


def _lookup(kind, tmp_path):
    layers = keras.layers
    if kind == "list":
        return layers.StringLookup(vocabulary=["good", "bad"])
    if kind == "file":
        path = tmp_path / "words.txt"
        path.write_text("good\nbad\nfünf\n", encoding="utf-8")
        return layers.StringLookup(vocabulary=str(path))
    if kind == "hashing":
        return layers.Hashing(num_bins=5)
    layer = layers.TextVectorization(
        output_mode="tf_idf" if kind == "tf_idf" else "int",
        output_sequence_length=None if kind == "tf_idf" else 3,
    )
    layer.adapt([text.decode() for text in TEXTS if text])
    return layer


@pytest.mark.parametrize(
    "kind", ["list", "file", "hashing", "vectorized", "tf_idf"]
)
def test_texts_are_looked_up_as_in_training(kind, tmp_path):
    inputs = keras.Input((), dtype="string", name="text")
    x = _lookup(kind, tmp_path)(inputs)
    if kind != "tf_idf":
        x = keras.layers.Embedding(8, 3)(x)
        x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, _head(x))
    rows = {"text": TEXTS}
    found = _assert_served(model, rows, tmp_path / "1", "predict", "features")
    assert len(np.unique(found["logits"][:, 0])) > 1


def test_rows_of_several_strings(tmp_path):
    inputs = keras.Input((2,), dtype="string", name="words")
    x = keras.layers.StringLookup(vocabulary=["good", "bad"])(inputs)
    x = keras.layers.Flatten()(keras.layers.Embedding(3, 2)(x))
    model = keras.Model(inputs, _head(x))
    words = np.array([[b"good", b"bad"], [b"bad", b"?"]], object)
    _assert_served(model, {"words": words}, tmp_path / "1")


def test_integers_and_floats_are_looked_up(generator, tmp_path):
    number = keras.Input((1,), dtype="int64", name="number")
    size = keras.Input((1,), name="size")
    lookup = keras.layers.IntegerLookup(output_mode="one_hot")
    lookup.adapt(np.array([3, 5, 5, 7]))
    bins = keras.layers.Discretization(num_bins=3, output_mode="one_hot")
    bins.adapt(generator.normal(size=(50, 1)))
    scaled = keras.layers.Normalization()
    scaled.adapt(generator.normal(size=(50, 1)) * 9)
    x = keras.layers.Concatenate()([lookup(number), bins(size), scaled(size)])
    model = keras.Model([number, size], _head(x))
    rows = {
        "number": np.array([[3], [7], [8]]),
        "size": np.array([[-2.0], [0.0], [2.0]], "float32"),
    }
    _assert_served(model, rows, tmp_path / "1")


def test_class_names_do_not_overwrite_a_vocabulary(tmp_path):
    path = tmp_path / pathlib.Path(saved_model.CLASS_NAMES).name
    path.write_text("good\nbad\n")
    table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            str(path), tf.string, 0, tf.int64, -1, delimiter=" "
        ),
        0,
    )

    class Table(keras.layers.Layer):
        """Looks up in the file."""

        def __init__(self):
            super().__init__()
            self.table = table

        def call(self, inputs):
            return tf.cast(self.table.lookup(inputs), "float32")

        def compute_output_spec(self, inputs):
            return keras.KerasTensor(inputs.shape, "float32")

    inputs = keras.Input((2,), dtype="string", name="words")
    model = keras.Model(inputs, Table()(inputs))
    made = graphs.make(model, "predict")
    with pytest.raises(ValueError, match="Rename the file"):
        saved_model.write(tmp_path / "1", model, made, "predict", ["a", "b"])
    saved_model.write(tmp_path / "2", model, made, "predict")
    rows = {"words": np.array([[b"good", b"bad"]], object)}
    (answer,) = graphs.run(tmp_path / "2", [("predict", rows)])
    assert list(answer.outputs.values())[0].tolist() == [[0.0, 1.0]]
