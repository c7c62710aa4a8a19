"""The programs of `docs/from_hub_keras_layer.md` run, on small stand-ins."""

import inspect
import io
import pathlib
import re
import sys
import tarfile
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_transfer import zoo
from tests.zoo import saved_models
from tests.zoo import server

# Keras warns of its own default, `fit(dataset)`, which the tutorials use.
pytestmark = pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "from_hub_keras_layer.md"
IMAGES = "Images: retraining a classifier"
STRINGS = "Text: an embedding of strings"
BERT = "Text: BERT with its preprocessor"
SECTIONS = (IMAGES, STRINGS, BERT)
LENGTH = 128


def blocks(section):
    """`("before" or "after", program)` of a section, in their order."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    text = dict(zip(parts[1::2], parts[2::2], strict=True))[section]
    return re.findall(r"^```python (\w+)\n(.*?)^```", text, re.M | re.S)


def after(section):
    """The programs of a section that run."""
    return [program for kind, program in blocks(section) if kind == "after"]


# === Stand-ins for what is downloaded


def image_encoder(folder):
    saved_models.image_encoder(folder, size=224)


class Preprocessor(tf.Module):
    """Strings to ids of words, as the preprocessor of BERT."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, inputs):
        words = tf.strings.split(inputs)
        ids = tf.ragged.map_flat_values(
            lambda word: tf.strings.to_hash_bucket_fast(word, 99) + 1, words
        )
        ids = tf.cast(ids.to_tensor(shape=[None, LENGTH]), tf.int32)
        return {
            "input_word_ids": ids,
            "input_mask": tf.cast(ids > 0, tf.int32),
            "input_type_ids": tf.zeros_like(ids),
        }


def preprocessor(folder):
    tf.saved_model.save(Preprocessor(), str(folder))


def encoder(folder):
    """From a dict of ids to a dict of features, as BERT."""
    table = tf.Variable(tf.random.stateless_normal([100, 8], [0, 0]))
    kernel = tf.Variable(tf.eye(8))

    @tf.function
    def function(inputs, training=False):
        del training
        words = tf.gather(table, inputs["input_word_ids"])
        mask = tf.cast(inputs["input_mask"], tf.float32)[..., None]
        pooled = tf.tanh(tf.reduce_sum(words * mask, 1) @ kernel)
        return {"pooled_output": pooled, "sequence_output": words}

    spec = {
        f"input_{name}": tf.TensorSpec([None, LENGTH], tf.int32, name)
        for name in ("word_ids", "mask", "type_ids")
    }
    for training in (False, True):
        function.get_concrete_function(spec, training=training)
    root = tf.train.Checkpoint(table=table, kernel=kernel)
    root.__call__ = function
    root.variables = root.trainable_variables = [table, kernel]
    tf.saved_model.save(root, str(folder))


#: What is served for each handle, by the path of its URL.
SERVED = {
    "/google/imagenet/mobilenet_v2_100_224/feature_vector/5": image_encoder,
    "/google/nnlm-en-dim50/2": saved_models.text_encoder,
    "/tensorflow/bert_en_uncased_preprocess/3": preprocessor,
    "/tensorflow/small_bert/bert_en_uncased_L-4_H-512_A-8/2": encoder,
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A server in the place of tfhub.dev."""
    root = tmp_path_factory.mktemp("hub")
    with server.running() as web:
        for number, (path, make) in enumerate(SERVED.items()):
            folder = root / str(number)
            make(folder)
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w:gz") as archive:
                archive.add(folder, ".")
            web.serve(path, packed.getvalue())
        yield web


@pytest.fixture(autouse=True)
def downloads(hub, tmp_path, monkeypatch):
    """Small data where the programs look for what they download."""
    monkeypatch.setenv("KERAS_TRANSFER_MIRROR", hub.url)
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    datasets = types.SimpleNamespace(load=lambda *_, **__: _reviews())
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", datasets)
    # Its operations are not in the stand-in of the preprocessor.
    module = types.ModuleType("tensorflow_text")
    monkeypatch.setitem(sys.modules, "tensorflow_text", module)


def _reviews():
    texts = ["good film", "bad film"] * 16
    return tf.data.Dataset.from_tensor_slices((texts, [1, 0] * 16))


def _flowers(folder):
    """Photos of one colour for each of five classes."""
    rng = np.random.default_rng(0)
    for label, color in enumerate(np.eye(5, 3) * 200):
        for row in range(4):
            path = folder / "flower_photos" / f"class_{label}" / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = color + rng.integers(0, 40, (50, 60, 3))
            Image.fromarray(pixels.astype("uint8")).save(path)


def _run(program, names=None):
    """Runs a program; returns its names."""
    names = {} if names is None else names
    exec(compile(program, str(PAGE), "exec"), names)
    return names


def _backbones(model):
    return [x for x in model.layers if isinstance(x, zoo.HubBackbone)]


def _moved(backbone):
    """Names of the variables that are no longer those of the zoo."""
    new = zoo.HubBackbone(backbone.handle).named_variables
    return {
        name
        for name, variable in backbone.named_variables.items()
        if not np.array_equal(variable, new[name])
    }


# === What the page promises


@pytest.mark.parametrize("section", SECTIONS)
def test_at_most_three_lines_change_and_they_are_marked(section):
    kinds = [kind for kind, _ in blocks(section)]
    assert kinds[:2] == ["before", "after"] and "before" not in kinds[2:]
    (_, before), (_, changed) = blocks(section)[:2]
    new = set(changed.splitlines()) - set(before.splitlines())
    assert 1 <= len(new) <= 3
    marked = [x for x in changed.splitlines() if x.endswith("# changed")]
    assert sorted(new) == sorted(marked)


def test_every_program_of_the_page_is_run_here():
    found = re.findall(r"^```\w* ?(\w*)", PAGE.read_text("utf-8"), re.M)
    known = [kind for section in SECTIONS for kind, _ in blocks(section)]
    assert [kind for kind in found if kind] == known
    assert len(found) == 2 * len(known)


def test_images_with_a_frozen_backbone(tmp_path):
    _flowers(tmp_path)
    program, load, preprocess = after(IMAGES)
    names = _run(program)
    model = names["model"]
    (backbone,) = _backbones(model)
    losses = names["history"].history["loss"]
    assert losses[-1] < losses[0]
    assert not _moved(backbone)
    images = np.random.default_rng(1).uniform(size=(2, 224, 224, 3))
    expected = model.predict(images, verbose=0)
    _run(load, names)
    assert names["model"] is not model
    np.testing.assert_array_equal(
        names["model"].predict(images, verbose=0), expected
    )
    _run(preprocess, names)
    outputs = names["model"].predict(np.ones((1, 50, 60, 3)), verbose=0)
    assert outputs.shape == (1, 5) and np.isfinite(outputs).all()


def test_images_with_fine_tuning(tmp_path):
    _flowers(tmp_path)
    program = after(IMAGES)[0]
    frozen, tuned = "do_fine_tuning = False", "do_fine_tuning = True"
    assert program.count(frozen) == 1
    names = _run(program.replace(frozen, tuned))
    (backbone,) = _backbones(names["model"])
    losses = names["history"].history["loss"]
    assert losses[-1] < losses[0]
    assert _moved(backbone) == set(backbone.named_variables)


def test_an_embedding_of_strings():
    (program,) = after(STRINGS)
    names = _run(program)
    (backbone,) = _backbones(names["model"])
    losses = names["history"].history["loss"]
    assert losses[-1] < losses[0]
    assert _moved(backbone) == {"embeddings"}
    texts = tf.constant(["good film", "bad film"])
    good, bad = names["model"].predict(texts, verbose=0)[:, 0]
    assert good > bad


def test_bert_with_its_preprocessor(hub):
    program, by_card = after(BERT)
    assert program.count("3e-5") == 1
    names = _run(program.replace("3e-5", "3e-2"))  # a few steps must show it
    tokens, encoder = _backbones(names["model"])
    assert not tokens.weights
    losses = names["history"].history["loss"]
    assert losses[-1] < losses[0]
    assert _moved(encoder) == set(encoder.named_variables)
    asked = len(hub.requests)
    _run(by_card, names)
    assert names["features"].shape == (None, 8)
    assert len(hub.requests) == asked  # the same handles


# === What it says of other ways


def test_a_list_of_strings_is_no_batch():
    model = keras.Sequential(
        [
            keras.Input((), dtype="string"),
            zoo.HubBackbone("https://tfhub.dev/google/nnlm-en-dim50/2"),
        ]
    )
    with pytest.raises(ValueError):
        model.predict(["good film", "bad film"], verbose=0)


def test_the_old_arguments_that_are_gone_are_refused(tmp_path):
    saved_models.image_encoder(tmp_path / "saved")
    for name in ("tags", "load_options", "output_shape"):
        with pytest.raises((TypeError, ValueError), match=name):
            zoo.HubBackbone(tmp_path / "saved", **{name: None})


def test_every_argument_of_the_old_layer_is_in_the_table():
    hub = pytest.importorskip("tensorflow_hub.keras_layer")
    arguments = set(inspect.signature(hub.KerasLayer.__init__).parameters)
    table = PAGE.read_text("utf-8").split("## Arguments")[1].split("\n## ")[0]
    for name in arguments - {"self", "_sentinel", "kwargs"}:
        assert re.search(rf"^\| `{name}\b", table, re.M), name
