"""What each signature answers, row by row, to one client or several."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import probes
from keras_transfer.export import signatures
from keras_transfer.export import tf_example
from keras_transfer.export.classifier import Classifier
from keras_transfer.export.served_model import ServedModel
from tests.export import exported
from tests.export import graphs
from tests.export import image_files

NAMES = exported.CLASS_NAMES


@pytest.fixture
def images(generator):
    return generator.uniform(0, 255, (5, 6, 6, 3)).astype("float32")


@pytest.fixture
def files():
    found = image_files.images()
    return [found[k] for k in ("jpeg", "large png", "grey png", "CMYK jpeg")]


def _classifier(model, names=NAMES):
    return Classifier(ServedModel(model).only_output("Names"), names)


def _two_inputs():
    left = keras.Input((2,), name="left")
    right = keras.Input((), dtype="int32", name="right")
    x = keras.layers.Embedding(4, 2)(right)
    outputs = keras.layers.Add(name="sum")([left, x])
    return keras.Model({"left": left, "right": right}, outputs)


# === Predict


def test_predict_gives_the_model_s_own_outputs(images):
    model = exported.image_model()
    (signature,) = graphs.make(model, "predict").values()
    found = graphs.call(signature, {"image": images})
    expected = {"logits": model.predict(images, verbose=0)}
    graphs.assert_same(found, expected, 1e-5)
    graphs.assert_same(signature.reference({"image": images}), found, 1e-5)


def test_predict_gives_classes_and_scores(images):
    model = exported.image_model()
    made = graphs.make(model, "predict", classifier=_classifier(model))
    found = graphs.call(made["predict"], {"image": images})
    logits = model.predict(images, verbose=0)
    scores = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    classes = np.array([NAMES[i].encode() for i in logits.argmax(1)], object)
    expected = {"scores": scores, "classes": classes}
    graphs.assert_same(found, expected, 1e-5)
    reference = made["predict"].reference({"image": images})
    graphs.assert_same(reference, expected, 1e-5)


@pytest.mark.parametrize(
    ("activation", "units"),
    [("softmax", 3), ("sigmoid", 3), (None, 3), ("sigmoid", 1), (None, 1)],
)
def test_the_reference_is_what_the_graph_gives(activation, units, generator):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
    served = ServedModel(model)
    classifier = Classifier(
        served.only_output("Names"), NAMES[: max(units, 2)], activation
    )
    signature = signatures.make(
        "predict", served, signatures.Settings(classifier)
    )
    rows = {"inputs": generator.normal(size=(6, 4)).astype("float32") * 30}
    reference = signature.reference(rows)
    graphs.assert_same(graphs.call(signature, rows), reference, 1e-5)


def test_a_dict_of_inputs_of_several_dtypes():
    model = _two_inputs()
    (signature,) = graphs.make(model, "predict").values()
    rows = {
        "left": np.arange(6, dtype="float32").reshape(3, 2),
        "right": np.array([0, 3, 1], "int32"),
    }
    found = graphs.call(signature, rows)
    graphs.assert_same(found, {"sum": model.predict(rows, verbose=0)})
    rows["right"] = rows["right"][:1]  # which would be broadcast
    with pytest.raises(tf.errors.InvalidArgumentError, match="differ in rows"):
        graphs.call(signature, rows)


def test_half_precision_is_answered_in_float32():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, dtype="mixed_float16")]
    )
    assert model.outputs[0].dtype == "float16"
    (signature,) = graphs.make(model, "predict").values()
    (found,) = graphs.call(signature, {"inputs": np.ones((2, 3))}).values()
    assert found.dtype == "float32"


@pytest.mark.parametrize("classes", [False, True])
def test_masked_rows_are_blank_and_the_others_exact(images, classes):
    model = exported.image_model()
    classifier = _classifier(model) if classes else None
    settings = {"classifier": classifier}
    exact = graphs.make(model, "predict", **settings)["predict"]
    masked = graphs.make(model, "predict", mask=True, **settings)["predict"]
    broken = images.copy()
    broken[1, 2, 3, 0], broken[4] = np.nan, np.inf
    found = graphs.call(masked, {"image": broken})
    good = np.array([0, 2, 3])
    assert found.pop("valid").tolist() == [True, False, True, True, False]
    expected = graphs.call(exact, {"image": images[good]})
    graphs.assert_same({k: x[good] for k, x in found.items()}, expected, 1e-5)
    for x in found.values():
        assert x[1] == b"" if x.dtype == object else not x[[1, 4]].any()
    reference = masked.reference({"image": images})
    assert reference["valid"].tolist() == [True] * 5


def test_a_model_with_an_output_named_valid_cannot_mask():
    inputs = keras.Input((6, 6, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D(name="valid")(inputs)
    model = keras.Model(inputs, x)
    for name in ("predict", "image_bytes"):
        with pytest.raises(ValueError, match="'valid' says which rows are"):
            graphs.make(model, name, mask=True)
        assert graphs.make(model, name)


# === Features


def test_features_are_pooled_and_named(images):
    model = exported.image_model()
    features = ["conv2d", "logits"]
    made = graphs.make(model, "features", features=features)["features"]
    found = graphs.call(made, {"image": images})
    assert {k: x.shape for k, x in found.items()} == {
        "conv2d": (5, 4),
        "logits": (5, 3),
    }
    logits = model.predict(images, verbose=0)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4)
    graphs.assert_same(made.reference({"image": images}), found, 1e-5)


def test_features_are_by_default_the_input_of_the_head(images):
    model = exported.image_model()
    made = graphs.make(model, "features", mask=True)["features"]
    images[2] = np.nan
    found = graphs.call(made, {"image": images})
    assert found["features"].shape == (5, 64)
    assert found["valid"].tolist() == [True, True, False, True, True]
    assert not found["features"][2].any() and found["features"][3].any()


# === Image bytes


def test_files_are_answered_as_their_pixels(files):
    model = exported.image_model()
    made = graphs.make(
        model, "predict", "image_bytes", classifier=_classifier(model)
    )
    found = graphs.call(made["image_bytes"], {"image_bytes": files})
    resizing = keras.layers.Resizing(6, 6)
    pixels = [
        resizing(tf.cast(tf.io.decode_image(x, channels=3), tf.float32))
        for x in files
    ]
    expected = graphs.call(made["predict"], {"image": np.stack(pixels)})
    graphs.assert_same(found, expected, 1e-5)
    reference = made["image_bytes"].reference(
        {"image_bytes": np.array(files, object)}
    )
    graphs.assert_same(found, reference, 1e-5)


def test_bytes_for_a_model_of_uint8(files):
    inputs = keras.Input((6, 6, 3), dtype="uint8", name="image")
    x = kt.layers.ImagePreprocessing(value_range=(-1, 1))(inputs)
    model = keras.Model(
        inputs, keras.layers.GlobalAveragePooling2D(name="out")(x)
    )
    made = graphs.make(model, "image_bytes")["image_bytes"]
    rows = {"image_bytes": np.array(files, object)}
    graphs.assert_same(graphs.call(made, rows), made.reference(rows), 1e-5)


def test_bytes_are_masked_row_by_row(files):
    model = exported.image_model()
    classifier = _classifier(model)
    settings = {"classifier": classifier, "mask": True}
    made = graphs.make(model, "image_bytes", **settings)["image_bytes"]
    bad = image_files.damaged()
    rows = [files[0], bad["jpeg cut off"], files[1], bad["huge png"]]
    found = graphs.call(made, {"image_bytes": rows})
    assert found["valid"].tolist() == [True, False, True, False]
    assert found["classes"][1::2].tolist() == [b"", b""]
    assert not found["scores"][1::2].any()
    alone = graphs.call(made, {"image_bytes": [files[1]]})
    np.testing.assert_allclose(found["scores"][2], alone["scores"][0], 1e-5)


def test_samples_of_images_become_files(images):
    made = graphs.make(exported.image_model(), "image_bytes")["image_bytes"]
    rows = made.samples({"image": images})
    assert rows["image_bytes"].shape == (5,)
    graphs.assert_same(graphs.call(made, rows), made.reference(rows), 1e-5)


# === The older APIs


def test_classify_names_every_class_of_every_row(generator):
    model = keras.Sequential(
        [keras.Input((4,), name="x"), keras.layers.Dense(3)]
    )
    made = graphs.make(
        model, "predict", "classify", classifier=_classifier(model)
    )
    rows = {"x": generator.normal(size=(3, 4)).astype("float32")}
    examples = made["classify"].samples(rows)
    found = graphs.call(made["classify"], examples)
    assert found["classes"].tolist() == [[n.encode() for n in NAMES]] * 3
    expected = graphs.call(made["predict"], rows)["scores"]
    np.testing.assert_allclose(found["scores"], expected, atol=1e-6)
    graphs.assert_same(made["classify"].reference(examples), found, 1e-5)


def test_classify_of_images_reads_files(files):
    model = exported.image_model()
    made = graphs.make(
        model, "classify", "image_bytes", classifier=_classifier(model)
    )
    examples = tf_example.serialize({"image/encoded": np.array(files, object)})
    found = graphs.call(made["classify"], {"inputs": examples})
    expected = graphs.call(made["image_bytes"], {"image_bytes": files})
    np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-6)


@pytest.mark.parametrize("units", [1, None])
def test_regress_gives_one_number_for_each_row(units, generator):
    inputs = keras.Input((4,), name="x")
    outputs = keras.layers.Dense(1)(inputs)
    if units is None:
        outputs = keras.layers.Reshape(())(outputs)
    model = keras.Model(inputs, outputs)
    made = graphs.make(model, "regress")["regress"]
    rows = {"x": generator.normal(size=(3, 4)).astype("float32")}
    examples = made.samples(rows)
    found = graphs.call(made, examples)
    expected = {"outputs": model.predict(rows["x"], verbose=0).reshape(-1)}
    graphs.assert_same(found, expected, 1e-5)
    graphs.assert_same(made.reference(examples), expected, 1e-5)


def test_masked_rows_of_the_older_apis_cannot_be_taken_for_answers():
    # These APIs have no output to say which rows are valid.
    model = keras.Sequential(
        [keras.Input((2,), name="x"), keras.layers.Dense(1)]
    )
    classifier = _classifier(model, ["no", "yes"])
    made = graphs.make(
        model, "classify", "regress", classifier=classifier, mask=True
    )
    rows = np.array([[1, 2], [np.nan, 0]], "float32")
    examples = {"inputs": tf_example.serialize({"x": rows})}
    found = graphs.call(made["classify"], examples)
    assert found["classes"].tolist() == [[b"no", b"yes"], [b"", b""]]
    assert found["scores"][0].any() and not found["scores"][1].any()
    assert set(found) == {"classes", "scores"}
    (numbers,) = graphs.call(made["regress"], examples).values()
    assert np.isnan(numbers).tolist() == [False, True]


# === Two clients at once


def _batched(first, second, padding):
    """Two requests as the server puts them together: padded with a row."""
    return {
        name: np.concatenate([x, second[name], *[x[:1]] * padding])
        for name, x in first.items()
    }


@pytest.mark.parametrize("mask", [False, True])
def test_each_of_two_clients_gets_its_own_answer(images, files, mask, tmp_path):
    model = exported.image_model()
    made = graphs.make(
        model,
        "predict",
        "image_bytes",
        "features",
        "classify",
        classifier=_classifier(model),
        mask=mask,
    )
    graphs.write(tmp_path / "1", model, made)
    files = np.array(files, object)
    pairs = {
        "predict": ({"image": images[:2]}, {"image": images[2:]}),
        "features": ({"image": images[:1]}, {"image": images[1:]}),
        "image_bytes": (
            {"image_bytes": files[:1]},
            {"image_bytes": files[1:]},
        ),
        "classify": tuple(
            {"inputs": made["classify"].samples({"image": x})["inputs"]}
            for x in (images[:3], images[3:])
        ),
    }
    if mask:
        # The other client's rows are bad.
        pairs["predict"][1]["image"] = images[2:] * np.nan
        bad = image_files.damaged()["jpeg cut off"]
        pairs["image_bytes"][1]["image_bytes"] = np.array([bad] * 3, object)
    requests = [
        (name, rows)
        for name, pair in pairs.items()
        for rows in (*pair, _batched(*pair, padding=3))
    ]
    answers = graphs.run(tmp_path / "1", requests, "graph_session")
    for index, name in enumerate(pairs):
        first, second, both = answers[3 * index : 3 * index + 3]
        assert first.ok and second.ok and both.ok, name
        for key, x in both.outputs.items():
            own = np.concatenate([first.outputs[key], second.outputs[key]])
            x = x[: len(own)]
            if x.dtype == object:
                assert x.tolist() == own.tolist()
            else:
                np.testing.assert_allclose(x, own, atol=1e-6)
        if mask and name in ("predict", "image_bytes"):
            assert first.outputs["valid"].all()
            assert not second.outputs["valid"].any()
            assert first.outputs["scores"].any(1).all()


@pytest.mark.skipif(
    not probes.is_available("c_api"), reason="Python checks at the feed"
)
def test_files_of_another_shape_or_dtype_are_refused(files, tmp_path):
    model = exported.image_model()
    made = graphs.make(
        model, "image_bytes", "classify", classifier=_classifier(model)
    )
    graphs.write(tmp_path / "1", model, made)
    wrong = [
        np.array(files[:2], object).reshape(2, 1),
        np.array(files[:2], object).reshape(1, 2),
        np.array(files[0], object),
        np.array([], object),
        np.zeros((2,), "float32"),
        np.zeros((2, 6, 6, 3), "float32"),
    ]
    requests = [("image_bytes", {"image_bytes": x}) for x in wrong]
    requests += [("classify", {"inputs": x}) for x in wrong]
    answers = graphs.run(tmp_path / "1", requests, "c_api")
    assert [x.code for x in answers] == ["INVALID_ARGUMENT"] * len(requests)


# === Bad input


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("predictions", "Did you mean 'predict'"),
        ("classify", "class_names to go with"),
        ("regress", "one number for each row"),
        ("image_bytes", "a model of images"),
    ],
)
def test_a_signature_that_cannot_be_is_refused(name, message):
    model = exported.number_model()
    with pytest.raises(ValueError, match=message):
        graphs.make(model, name)


def test_features_that_cannot_be_found_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'logits'"):
        graphs.make(exported.image_model(), "features", features=["logit"])
    headless = keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])
    with pytest.raises(ValueError, match="Pass features="):
        graphs.make(headless, "features")
