"""Files become the pixels of training, or are refused."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_transfer as kt
from keras_transfer.export import image_bytes
from keras_transfer.export.image_bytes import ResizeRule
from keras_transfer.export.served_model import ServedModel
from tests.export import graphs
from tests.export import image_files

SIZE = (6, 8)
RULE = ResizeRule(SIZE, 3)


def _decode(files, rule=RULE, dtype=tf.float32, **options):
    decode = image_bytes.decoder(rule, dtype, **options)
    pixels, valid = tf.function(decode)(tf.constant(files))
    return pixels.numpy(), valid.numpy()


# === The pixels of training


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "area"])
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("mask", [False, True])
def test_all_kinds_of_files_are_as_in_training(
    tmp_path, interpolation, crop, mask
):
    files = image_files.images()
    # As unlabelled images, in one request, of different sizes.
    for words, contents in files.items():
        suffix = "png" if "png" in words else "jpg"
        (tmp_path / f"{words}.{suffix}").write_bytes(contents)
    folder = kt.data.image_folder(
        tmp_path,
        SIZE,
        labelled=False,
        interpolation=interpolation,
        crop_to_aspect_ratio=crop,
    )
    by_path = [files[path.split("/")[-1][:-4]] for path in folder.train.paths]
    rule = ResizeRule(SIZE, 3, interpolation, crop)
    pixels, valid = _decode(by_path, rule, mask=mask)
    assert valid.tolist() == [True] * len(files)
    np.testing.assert_array_equal(pixels, folder.load(folder.train.paths))


def test_pixels_are_resized_as_by_keras():
    color = image_files.pixels(30, 20)
    (pixels,), _ = _decode([image_files.encoded(color)])
    expected = keras.layers.Resizing(*SIZE)(color.astype("float32"))
    np.testing.assert_array_equal(pixels, expected)
    assert pixels.max() > 100  # from 0 to 255


def test_rotation_in_the_file_is_not_applied():
    files = image_files.images()
    pixels, _ = _decode([files["rotated jpeg"], files["jpeg"]])
    np.testing.assert_array_equal(pixels[0], pixels[1])


def test_grey_models_take_color_and_grey():
    grey = image_files.pixels(*SIZE, channels=1)
    files = [image_files.encoded(grey), image_files.encoded(grey, "JPEG")]
    files.append(image_files.encoded(np.repeat(grey, 3, axis=-1)))
    pixels, _ = _decode(files, ResizeRule(SIZE, 1))
    assert pixels.shape == (3, *SIZE, 1)
    np.testing.assert_array_equal(pixels[0], grey)
    np.testing.assert_allclose(pixels, [grey] * 3, atol=20)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "bfloat16"])
@pytest.mark.parametrize("mask", [False, True])
def test_pixels_of_other_dtypes_do_not_wrap_around(dtype, mask):
    dtype = tf.as_dtype(dtype)
    edges = np.zeros((12, 12, 3), "uint8")
    edges[:, 6:] = 255
    rule = ResizeRule((12, 31), 3, "bicubic")
    files = [image_files.encoded(edges)]
    exact, _ = _decode(files, rule)
    assert exact.min() < 0 and exact.max() > 255  # what the rule gives
    pixels, _ = _decode(files, rule, dtype, mask=mask)
    assert pixels.dtype == dtype.as_numpy_dtype
    if dtype.is_integer:
        exact = np.clip(np.rint(exact), 0, 255)
    np.testing.assert_array_equal(pixels, exact.astype(pixels.dtype))
    eager = image_bytes.decode_eagerly(files[0], rule, dtype)
    np.testing.assert_array_equal(pixels[0], eager)


# === What is refused or masked


@pytest.mark.parametrize("words", image_files.damaged())
def test_a_damaged_file_is_refused(words):
    files = [image_files.images()["png"], image_files.damaged()[words]]
    with pytest.raises(tf.errors.InvalidArgumentError):
        _decode(files)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nothing", "is neither JPEG nor PNG"),
        ("webp", "is neither JPEG nor PNG"),
        ("png without width", "has a damaged header"),
        ("huge png", "more than 25000000 pixels: .12000 12000"),
        ("png with the largest sides", "more than 25000000 pixels"),
    ],
)
def test_the_error_says_what_is_wrong(words, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        _decode([image_files.damaged()[words]])


def test_masked_rows_leave_the_others_alone():
    good, bad = image_files.images(), image_files.damaged()
    pairs = itertools.zip_longest(good.values(), bad.values())
    files = [x for pair in pairs for x in pair if x is not None]
    wanted = [contents in good.values() for contents in files]
    pixels, valid = _decode(files, mask=True)
    assert valid.tolist() == wanted
    expected, _ = _decode(list(good.values()))
    np.testing.assert_array_equal(pixels[valid], expected)
    assert not pixels[~valid].any()


@pytest.mark.parametrize("number", [1, 3])
def test_all_rows_may_be_masked(number):
    pixels, valid = _decode([b"no image"] * number, mask=True)
    assert valid.tolist() == [False] * number
    assert pixels.shape == (number, *SIZE, 3) and not pixels.any()


def test_the_limit_of_pixels_counts_both_sides():
    files = [image_files.encoded(image_files.pixels(9, 13))]
    assert _decode(files, max_pixels=9 * 13)[1].all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="than 116 pixels"):
        _decode(files, max_pixels=9 * 13 - 1)
    assert not _decode(files, max_pixels=116, mask=True)[1].any()


@pytest.mark.parametrize("wrong", [0, -1, 2.5, None])
def test_a_limit_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="argument `max_pixels`"):
        image_bytes.decoder(RULE, tf.float32, wrong)


@pytest.mark.parametrize("mask", [False, True])
def test_large_images_are_refused_without_the_memory(tmp_path, mask):
    inputs = keras.Input((*SIZE, 3), name="image")
    outputs = keras.layers.GlobalAveragePooling2D(name="mean")(inputs)
    model = keras.Model(inputs, outputs)
    made = graphs.make(model, "image_bytes", mask=mask)
    graphs.write(tmp_path / "1", model, made)
    # Whole files: only the header can tell.
    large = image_files.encoded(np.zeros((12_000, 12_000, 1), "uint8"))
    assert len(large) < 200_000
    good = image_files.images()["jpeg"]
    first, second, third = graphs.run(
        tmp_path / "1",
        [
            ("image_bytes", {"image_bytes": [good]}),
            ("image_bytes", {"image_bytes": [good, large]}),
            ("image_bytes", {"image_bytes": [image_files.png_of_size(1, 1)]}),
        ],
    )
    assert first.ok
    if mask:
        assert second.outputs["valid"].tolist() == [True, False]
        np.testing.assert_array_equal(
            second.outputs["mean"][0], first.outputs["mean"][0]
        )
        assert third.outputs["valid"].tolist() == [True]
    else:
        assert second.code == "INVALID_ARGUMENT"
        assert "more than 25000000 pixels" in second.message
        assert third.ok
    # Decoding takes 432 MB.
    if first.peak_bytes is not None:
        assert second.peak_bytes - first.peak_bytes < 50e6


# === How a model wants its images


def _image_model(size, *layers, dtype="float32"):
    stack = [keras.Input((*size, 3), dtype=dtype), *layers]
    stack += [keras.layers.GlobalAveragePooling2D(name="out")]
    return ServedModel(keras.Sequential(stack))


def test_the_size_is_that_of_the_input():
    assert image_bytes.resize_rule(_image_model(SIZE)) == RULE


def test_the_preprocessing_says_how():
    preprocessing = kt.layers.ImagePreprocessing(
        SIZE, interpolation="bicubic", crop_to_aspect_ratio=True
    )
    expected = ResizeRule(SIZE, 3, "bicubic", True)
    for size in (SIZE, (None, None)):
        served = _image_model(size, keras.layers.RandomFlip(), preprocessing)
        assert image_bytes.resize_rule(served) == expected
    larger = _image_model((20, 30), preprocessing)
    assert image_bytes.resize_rule(larger) == expected._replace(size=(20, 30))


def test_a_resizing_before_all_weights_says_how():
    inner = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.RandomFlip(),
            keras.layers.Resizing(4, 5, interpolation="nearest"),
            keras.layers.Normalization(mean=1.0, variance=2.0),
            keras.layers.Conv2D(2, 1),
            keras.layers.Resizing(9, 9),
        ]
    )
    served = _image_model((None, None), keras.layers.Rescaling(1.0), inner)
    rule = ResizeRule((4, 5), 3, "nearest")
    assert image_bytes.resize_rule(served) == rule


def test_a_resizing_of_features_says_nothing():
    layers = [keras.layers.Conv2D(2, 1), keras.layers.Resizing(9, 9, "nearest")]
    assert image_bytes.resize_rule(_image_model(SIZE, *layers)) == RULE
    with pytest.raises(ValueError, match="Give its input a size"):
        image_bytes.resize_rule(_image_model((None, None), *layers))


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((4, 4, 3), "float32", True),
        ((4, 4, 1), "uint8", True),
        ((None, None, 3), "int32", True),
        ((4, 4, 3), "bfloat16", True),
        ((4, 4, 3), "int8", False),
        ((4, 4, 3), "bool", False),
        ((4, 4, 3), "string", False),
        ((4, 4, 4), "float32", False),
        ((4, 4), "float32", False),
    ],
)
def test_what_is_a_model_of_images(shape, dtype, expected):
    inputs = keras.Input(shape, dtype=dtype)
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    served = ServedModel(model)
    assert image_bytes.takes_images(served) == expected
    if not expected:
        with pytest.raises(ValueError, match="a model of images"):
            image_bytes.resize_rule(served)


def test_models_of_two_inputs_take_no_files():
    left, right = keras.Input((4, 4, 3)), keras.Input((4, 4, 3))
    served = ServedModel(
        keras.Model([left, right], keras.layers.Add()([left, right]))
    )
    assert not image_bytes.takes_images(served)
    with pytest.raises(ValueError, match="one input"):
        image_bytes.resize_rule(served)


def test_samples_are_encoded_in_both_formats():
    images = np.stack([image_files.pixels(*SIZE)] * 3).astype("float32")
    files = image_bytes.encode(images)
    assert [x[:4] for x in files[:2]] == [b"\x89PNG", b"\xff\xd8\xff\xe0"]
    pixels, _ = _decode(files.tolist())
    np.testing.assert_array_equal(pixels[::2], images[::2])
    np.testing.assert_allclose(pixels, images, atol=60)


def test_the_card_states_the_rule():
    facts = image_bytes.facts(RULE, 100)
    assert facts["size"] == SIZE and facts["max_pixels"] == 100
    assert facts["interpolation"] == "bilinear"
    assert facts["exif_rotation"].startswith("not applied")
