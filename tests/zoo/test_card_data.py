"""The cards that come with the package: complete, consistent and true.

What can be had without a network is compared with `keras.applications`; the
rest with the table that the handles were taken from.
"""

import importlib.resources
import json
import re
import tomllib

import keras
import numpy as np
import pytest

from keras_transfer import layers
from keras_transfer.zoo import card as cards
from keras_transfer.zoo import registry

CARDS = registry.own_cards()
KERAS = {
    card.handle: card
    for card in CARDS.values()
    if card.source == "keras_applications"
}
TFHUB = {card.handle: card for card in CARDS.values() if card.source == "tfhub"}
#: SavedModels that make the inputs of others, and have no features.
PREPROCESSORS = {card.preprocessor for card in CARDS.values()} - {None}

LICENSES = {"apache-2.0", "bsd-3-clause", "cc-by-4.0", "mit"}

#: Keras functions of which a small member of the family stands for all.
SMALL = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
)

_V2 = "google/imagenet/efficientnet_v2_imagenet1k"
#: Path of the handle, size or shape of an input, width of the features. What
#: the package promises to know, typed from the hub's own pages. One departure:
#: the pages of EfficientNet V2 B2 and B3 say 1280, as for B0, but their source
#: multiplies the last layer by the width, 1.1 and 1.2.
TABLE = (
    ("google/imagenet/mobilenet_v2_100_224/feature_vector/5", 224, 1280),
    ("google/imagenet/mobilenet_v3_small_100_224/feature_vector/5", 224, 1024),
    ("google/imagenet/mobilenet_v3_large_100_224/feature_vector/5", 224, 1280),
    (f"{_V2}_b0/feature_vector/2", 224, 1280),
    (f"{_V2}_b1/feature_vector/2", 240, 1280),
    (f"{_V2}_b2/feature_vector/2", 260, 1408),
    (f"{_V2}_b3/feature_vector/2", 300, 1536),
    ("google/imagenet/resnet_v1_50/feature_vector/5", 224, 2048),
    ("google/imagenet/resnet_v2_50/feature_vector/5", 224, 2048),
    ("google/imagenet/resnet_v2_101/feature_vector/5", 224, 2048),
    ("google/imagenet/resnet_v2_152/feature_vector/5", 224, 2048),
    ("google/imagenet/inception_v3/feature_vector/5", 299, 2048),
    ("google/bit/s-r50x1/1", None, 2048),
    ("google/bit/m-r50x1/1", None, 2048),
    ("google/universal-sentence-encoder/4", (), 512),
    ("google/universal-sentence-encoder-large/5", (), 512),
    ("google/nnlm-en-dim50/2", (), 50),
    ("google/nnlm-en-dim128/2", (), 128),
    ("tensorflow/small_bert/bert_en_uncased_L-4_H-512_A-8/2", (128,), 512),
    ("google/yamnet/1", (None,), 1024),
    ("google/nonsemantic-speech-benchmark/trillsson1/1", (None,), 1024),
    (
        "tensorflow/movinet/a0/base/kinetics-600/classification/3",
        (None, 172, 172, 3),
        600,
    ),
)
#: The SavedModels that their pages say cannot be fine-tuned.
FROZEN = {
    "yamnet",
    "vggish",
    "bert_en_uncased_preprocess",
    "cmlm_multilingual_preprocess",
}


def _written():
    """Every `(file, name)` as it stands in the files."""
    folder = importlib.resources.files("keras_transfer.zoo") / "cards"
    return [
        (path.name, card["name"])
        for path in sorted(folder.iterdir(), key=str)
        if path.name.endswith(".toml")
        for family in tomllib.loads(path.read_text("utf-8"))["family"]
        for card in family["card"]
    ]


def _repeated(items):
    items = list(items)
    return sorted({item for item in items if items.count(item) > 1})


# === Every card


def test_both_files_are_read():
    files = {file for file, _ in _written()}
    assert {"tfhub.toml", "keras_applications.toml"} <= files
    assert len(KERAS) == 40 and len(TFHUB) >= 50


def test_names_are_unique_and_lower_case():
    names = [name for _, name in _written()]
    assert _repeated(names) == []
    assert set(names) == set(CARDS)
    pattern = r"(keras_applications/)?[a-z0-9_]+"
    assert [name for name in names if not re.fullmatch(pattern, name)] == []


def test_handles_and_mirrors_lead_to_one_card():
    handles = [
        handle
        for card in CARDS.values()
        for handle in (card.handle, *card.mirrors)
    ]
    assert _repeated(handles) == []
    for card in CARDS.values():
        if card.source == "tfhub":
            assert registry.card_for(card.handle) is card
            assert all(registry.card_for(m) is card for m in card.mirrors)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_says_what_a_user_asks(name):
    card = CARDS[name]
    assert re.fullmatch(r"\S.{5,220}\.", card.summary)
    # A family's lines that were folded by hand must not show it.
    assert "  " not in f"{card.summary}{card.citation}"
    assert card.input_shape is not None
    assert card.license is None or card.license in LICENSES
    if card.source in ("tfhub", "keras_applications"):
        assert re.search(r"\d{4}, .*https://\S+$", card.citation)
    assert card.parameters is None or card.parameters > 1000
    if card.handle in PREPROCESSORS:
        assert card.features is None and not card.fine_tunable
    else:
        assert card.features > 0


@pytest.mark.parametrize("name", CARDS)
def test_a_card_survives_json(name):
    card = CARDS[name]
    text = json.dumps(card.to_dict())
    assert cards.Card.from_dict(json.loads(text)) == card


@pytest.mark.parametrize(
    "name", [name for name, card in CARDS.items() if card.task == "image"]
)
def test_preprocessing_fits_the_input(name):
    card = CARDS[name]
    layer = layers.ImagePreprocessing(**card.preprocessing)
    height, width, channels = card.input_shape
    assert layer.size == (None if height is None else (height, width))
    given = 1 if channels == 1 else 3
    shape = layer.compute_output_shape((None, 50, 60, given))
    assert shape[-1] == channels
    assert card.input_dtype == "float32"


def test_only_images_have_pixels():
    others = [card for card in CARDS.values() if card.task != "image"]
    assert [card.name for card in others if card.preprocessing] == []


# === TF-Hub


@pytest.mark.parametrize(("path", "shape", "features"), TABLE)
def test_the_table_is_in_the_registry(path, shape, features):
    card = TFHUB[f"https://tfhub.dev/{path}"]
    if not isinstance(shape, tuple):
        shape = (shape, shape, 3)
    assert card.input_shape == shape
    assert card.features == features


def test_all_but_a_few_may_be_fine_tuned():
    frozen = {card.name for card in TFHUB.values() if not card.fine_tunable}
    assert frozen == FROZEN


@pytest.mark.parametrize("handle", TFHUB)
def test_a_handle_pins_its_version(handle):
    card = TFHUB[handle]
    assert re.fullmatch(r"https://tfhub\.dev/[\w./-]+/\d+", handle)
    assert card.version == handle.rsplit("/", 1)[1]
    # What kagglehub takes: owner/model/framework/variation/version.
    kaggle = r"[a-z]+/[a-z0-9-]+/tensorFlow2/[a-z0-9-]+/\d+"
    assert all(re.fullmatch(kaggle, mirror) for mirror in card.mirrors)
    # The hub's rule: a page that names no licence means this one.
    assert card.license == "apache-2.0"


def test_image_handles_take_pixels_from_0_to_1():
    images = [card for card in TFHUB.values() if card.task == "image"]
    ranges = {tuple(card.preprocessing["value_range"]) for card in images}
    assert ranges == {(0.0, 1.0)}
    assert not any("mean" in card.preprocessing for card in images)


def test_preprocessors_have_cards_and_give_what_encoders_take():
    assert PREPROCESSORS.issubset(TFHUB)
    for card in TFHUB.values():
        if card.preprocessor is not None:
            assert card.input_dtype == "int32" and card.input_shape == (128,)
            assert isinstance(card.output_key, str)
    for handle in PREPROCESSORS:
        card = TFHUB[handle]
        assert card.input_dtype == "string" and card.input_shape == ()
        assert card.needed_ops == ("tensorflow_text",)


def test_several_outputs_have_a_key():
    keys = {
        card.name: card.output_key
        for card in TFHUB.values()
        if card.output_key is not None
    }
    assert keys["yamnet"] == 1
    assert keys["trillsson1"] == "embedding"
    assert keys["small_bert_en_uncased_l4_h512_a8"] == "pooled_output"
    assert keys["labse"] == "default"


def test_operations_of_other_packages_are_named():
    for size in ("", "_large"):
        card = CARDS[f"universal_sentence_encoder_multilingual{size}"]
        assert card.needed_ops == ("tensorflow_text",)
    # These two have all they need in TensorFlow.
    for name in ("universal_sentence_encoder", "nnlm_en_dim50"):
        assert CARDS[name].needed_ops == ()


def test_a_classifier_says_so():
    assert "classifier" in CARDS["movinet_a0_base_kinetics_600"].summary


@pytest.mark.parametrize(
    ("name", "function", "difference"),
    [
        ("mobilenet_v2_100_224", "MobileNetV2", 0),
        ("efficientnet_v2_imagenet1k_b2", "EfficientNetV2B2", 0),
        ("efficientnet_v2_imagenet21k_s", "EfficientNetV2S", 0),
        ("inception_v3", "InceptionV3", 0),
        ("resnet_v2_50", "ResNet50V2", 0),
        # Keras' has a layer for mean and variance of 3 channels, and a count.
        ("efficientnet_b0", "EfficientNetB0", 7),
        # Keras' convolutions have a bias each before the batch norm.
        ("resnet_v1_50", "ResNet50", 26560),
    ],
)
def test_the_same_network_has_the_same_size(name, function, difference):
    ours, keras_card = CARDS[name], KERAS[function]
    assert ours.parameters == keras_card.parameters - difference
    assert ours.features == keras_card.features
    assert ours.input_shape == keras_card.input_shape


# === keras.applications


def _module(function):
    """The module of `keras.applications` that a network is defined in."""
    defined = getattr(keras.applications, function).__module__
    return getattr(keras.applications, defined.rsplit(".", 1)[1])


def test_every_keras_application_has_a_card():
    functions = {
        name
        for name in dir(keras.applications)
        if name[0].isupper() and callable(getattr(keras.applications, name))
    }
    assert functions == set(KERAS)


@pytest.mark.parametrize("function", KERAS)
def test_names_follow_the_function(function):
    name = KERAS[function].name
    assert name.startswith("keras_applications/")
    plain = name.removeprefix("keras_applications/").replace("_", "")
    assert plain == function.lower()


def _preprocessed(pixels, value_range, mean=0.0, deviation=1.0, order="RGB"):
    """NumPy twin of `layers.ImagePreprocessing`, at the size of the pixels."""
    if order == "BGR":
        pixels = pixels[..., ::-1]
    low, high = value_range
    images = low + pixels / 255 * (high - low)
    return (images - np.asarray(mean)) / np.asarray(deviation)


@pytest.mark.parametrize("function", KERAS)
def test_preprocessing_is_that_of_keras(function, generator):
    pixels = generator.integers(0, 256, (2, 5, 6, 3)).astype("float32")
    pixels[0, 0, :2] = [[0.0] * 3, [255.0] * 3]
    expected = _module(function).preprocess_input(pixels.copy())
    settings = dict(KERAS[function].preprocessing)
    del settings["size"]
    layer = layers.ImagePreprocessing(**settings)
    np.testing.assert_allclose(layer(pixels), expected, atol=2e-4, rtol=1e-5)
    settings["order"] = settings.pop("channel_order", "RGB")
    twin = _preprocessed(pixels.astype("float64"), **settings)
    np.testing.assert_allclose(twin, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "function", [name for name in KERAS if "MobileNetV3" not in name]
)
def test_the_size_is_the_one_of_the_weights(function):
    # With a classifier the pretrained weights go with one size alone, which
    # Keras names in its refusal, before it downloads anything. MobileNetV3
    # takes any.
    size = re.escape(str(KERAS[function].input_shape))
    with pytest.raises(ValueError, match=size):
        getattr(keras.applications, function)(input_shape=(320, 320, 3))


def _check_measures(function):
    card = KERAS[function]
    model = getattr(keras.applications, function)(
        include_top=False,
        weights=None,
        pooling="avg",
        input_shape=card.input_shape,
    )
    assert model.output_shape == (None, card.features)
    assert model.count_params() == card.parameters
    # The largest has 1.4 GB of weights.
    del model
    keras.utils.clear_session()


@pytest.mark.parametrize("function", SMALL)
def test_features_and_parameters(function):
    _check_measures(function)


@pytest.mark.slow
@pytest.mark.parametrize(
    "function", [name for name in KERAS if name not in SMALL]
)
def test_features_and_parameters_of_the_others(function):
    _check_measures(function)


def test_one_of_each_family_is_measured():
    measured = {KERAS[name].citation for name in SMALL}
    others = {card.citation for card in KERAS.values()} - measured
    # A family is a paper; Inception-ResNet has one of its own.
    assert all("Inception-v4" in citation for citation in others)
