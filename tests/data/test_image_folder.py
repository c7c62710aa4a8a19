"""Image folders: what is loaded, how it is split, and what is refused."""

import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_transfer as kt

SIZE = (6, 10)


def _save(path, height=12, width=20, mode="RGB", value=None, **options):
    """A smooth image that differs from file to file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(len(str(path.name)) * 31 + height)
    if value is None:
        coarse = generator.integers(0, 256, (3, 4, 4), dtype="uint8")
    else:
        coarse = np.full((3, 4, 4), value, dtype="uint8")
        coarse[..., 3] = 255
    image = Image.fromarray(coarse).resize((width, height))
    image = image if mode == "RGBA" else image.convert("RGB").convert(mode)
    image.save(path, **options)
    return path


def _classes(folder, counts, suffix="png", size=(4, 4)):
    for name, count in counts.items():
        for row in range(count):
            _save(folder / name / f"{row:03d}.{suffix}", *size, value=row)
    return folder


def _read(path, mode="RGB"):
    with Image.open(path) as image:
        return np.asarray(image.convert(mode), dtype="float32")


def _names(paths):
    return [os.path.basename(path) for path in paths]


@pytest.fixture
def photos(tmp_path):
    return _classes(tmp_path / "photos", {"dog": 8, "cat": 4, "emu": 2})


# === What is loaded


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "jpg", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_format_loads_as_pillow_and_resizing_do(tmp_path, suffix, mode):
    path = _save(tmp_path / f"a.{suffix}", mode=mode)
    folder = kt.data.image_folder(tmp_path, SIZE, labelled=False)
    images = folder.load(folder.train.paths)
    assert images.dtype == "float32" and images.shape == (1, *SIZE, 3)
    expected = keras.layers.Resizing(*SIZE)(_read(path)[None])
    # Decoders of JPEG may differ by a few steps.
    tolerance = 4 if suffix in ("jpg", "JPEG") else 1e-3
    np.testing.assert_allclose(images, expected, atol=tolerance)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1"])
def test_modes_of_png_become_rgb_without_alpha(tmp_path, mode):
    path = _save(tmp_path / "a.png", *SIZE, mode=mode)
    folder = kt.data.image_folder(tmp_path, SIZE, labelled=False)
    # Pillow too drops alpha in this conversion and does not blend.
    np.testing.assert_array_equal(folder.load([str(path)])[0], _read(path))


def test_the_first_frame_of_a_moving_picture_is_taken(tmp_path):
    frames = [Image.new("RGB", (10, 6), (c, 0, 0)) for c in (255, 100)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    folder = kt.data.image_folder(tmp_path, SIZE, labelled=False)
    assert np.all(folder.load(folder.train.paths)[..., 0] == 255)


def test_exif_rotation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    pixels = np.zeros((16, 16, 3), "uint8")
    pixels[:8] = 255
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    folder = kt.data.image_folder(tmp_path, (16, 16), labelled=False)
    images = folder.load(folder.train.paths)
    np.testing.assert_allclose(images[0], pixels, atol=4)


def test_aspect_ratio_is_squeezed_or_cropped(tmp_path):
    pixels = np.zeros((8, 16, 3), "uint8")
    pixels[:, :4] = pixels[:, -4:] = 200  # what cropping cuts off
    Image.fromarray(pixels).save(tmp_path / "a.png")
    means = []
    for crop in (False, True):
        folder = kt.data.image_folder(
            tmp_path, (8, 8), labelled=False, crop_to_aspect_ratio=crop
        )
        images = folder.load(folder.train.paths)
        layer = keras.layers.Resizing(8, 8, crop_to_aspect_ratio=crop)
        np.testing.assert_allclose(images, layer(pixels[None]), atol=0.51)
        means.append(float(tf.reduce_mean(images)))
    assert means == pytest.approx([100, 0])


@pytest.mark.parametrize(
    "rule", ["bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5"]
)
def test_every_resize_rule_of_keras_is_followed(tmp_path, rule):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (9, 15, 3), "uint8")
    Image.fromarray(pixels).save(tmp_path / "a.png")
    folder = kt.data.image_folder(
        tmp_path, SIZE, labelled=False, interpolation=rule
    )
    assert folder.interpolation == rule
    layer = keras.layers.Resizing(*SIZE, interpolation=rule)
    expected = layer(pixels[None].astype("float32"))
    np.testing.assert_allclose(
        next(iter(folder.batches("train"))), expected, atol=1e-3
    )


def test_loading_ignores_the_dtype_policy_and_takes_no_layer_name(photos):
    keras.config.set_dtype_policy("mixed_float16")
    folder = kt.data.image_folder(photos, SIZE)
    assert folder.load(folder.train.paths[:2]).dtype == "float32"
    assert keras.layers.Resizing(2, 2).name == "resizing"


def test_labels_and_weights_pass_through(photos):
    folder = kt.data.image_folder(photos, SIZE)
    images, labels, weights = folder.load(
        folder.train.paths[:3], folder.train.labels[:3], [1.0, 2.0, 3.0]
    )
    assert images.shape == (3, *SIZE, 3)
    assert list(labels) == [0, 0, 0] and weights == [1.0, 2.0, 3.0]


def test_names_beyond_ascii_and_links_are_read(tmp_path):
    photos = _classes(tmp_path / "a b [1]", {"Küche": 2, "猫": 2})
    os.symlink(photos / "猫" / "000.png", photos / "猫" / "link.png")
    elsewhere = _classes(tmp_path / "elsewhere", {"x": 3})
    os.symlink(elsewhere, photos / "linked class")
    os.symlink(photos / "Küche", photos / "Küche" / "loop")
    folder = kt.data.image_folder(photos, SIZE)
    assert folder.class_names == ["Küche", "linked class", "猫"]
    assert folder.class_weight[1] == pytest.approx(8 / (3 * 3))
    assert "link.png" in _names(folder.train.paths)
    assert len(list(folder.batches("train", 1))) == folder.num_images


# === Labels, weights and order


def test_classes_are_sorted_and_weighted_as_scikit_learn_does(photos):
    from sklearn.utils.class_weight import compute_class_weight

    folder = kt.data.image_folder(photos, SIZE, validation_split=0.25)
    assert folder.class_names == ["cat", "dog", "emu"]
    assert folder.size == SIZE and folder.num_images == 14
    labels = folder.train.labels
    assert labels.dtype == "int32"
    classes = np.arange(3)
    expected = compute_class_weight("balanced", classes=classes, y=labels)
    assert list(folder.class_weight) == [0, 1, 2]
    np.testing.assert_allclose(list(folder.class_weight.values()), expected)
    for path, label in zip(*folder.train, strict=True):
        assert f"{os.sep}{folder.class_names[label]}{os.sep}" in path


def test_without_labels_images_at_any_depth_are_found(tmp_path):
    for name in ("z.png", "a/b/c/y.PNG", "a/x.png"):
        _save(tmp_path / name)
    folder = kt.data.image_folder(tmp_path, SIZE, labelled=False)
    assert _names(folder.train.paths) == ["y.PNG", "x.png", "z.png"]
    assert folder.train.labels is None and folder.validation.labels is None
    assert folder.class_names is None and folder.class_weight is None


def test_hidden_and_other_files_are_ignored(photos):
    for name in (".hidden.png", ".trash/1.png", "cat/._1.png", "cat/note.txt"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_text("no image")
    folder = kt.data.image_folder(photos, SIZE)
    assert folder.class_names == ["cat", "dog", "emu"]
    assert folder.num_images == 14


def test_batches_stream_in_the_order_of_the_paths(photos):
    folder = kt.data.image_folder(photos, SIZE, validation_split=0.25)
    batches = folder.batches("train", 4)
    assert batches.element_spec[0].shape == (None, *SIZE, 3)
    assert len(batches) == 3
    for _ in range(2):
        images, labels = map(np.concatenate, zip(*batches, strict=True))
        np.testing.assert_array_equal(labels, folder.train.labels)
        expected = [int(name[:3]) for name in _names(folder.train.paths)]
        np.testing.assert_array_equal(images[:, 0, 0, 0], expected)
    unlabelled = kt.data.image_folder(photos, SIZE, labelled=False)
    assert next(iter(unlabelled.batches("train", 5))).shape == (5, *SIZE, 3)


# === Shuffled batches


def _order(batches):
    """Labels and the number that each file is filled with, row by row."""
    return [
        (int(label), round(float(image[0, 0, 0])))
        for image, label in batches.unbatch()
    ]


def test_shuffled_batches_hold_all_rows_in_an_order_of_seed_and_epoch(photos):
    folder = kt.data.image_folder(photos, SIZE, validation_split=0.25)
    batches = folder.batches("train", 4, shuffle=True, seed=0)
    assert len(batches) == 3
    assert batches.element_spec == folder.batches("train", 4).element_spec
    epochs = [_order(batches) for _ in range(3)]
    in_order = _order(folder.batches("train", 4))
    assert all(sorted(epoch) == sorted(in_order) for epoch in epochs)
    assert len({tuple(epoch) for epoch in [in_order, *epochs]}) == 4
    keras.utils.set_random_seed(5)
    again = folder.batches("train", 7, shuffle=True, seed=0)
    assert [_order(again) for _ in range(2)] == epochs[:2]
    again.epoch.assign(1)
    assert _order(again) == epochs[1]
    other = folder.batches("train", 4, shuffle=True, seed=1)
    assert _order(other) != epochs[0]


def test_without_a_seed_orders_do_not_repeat(photos):
    folder = kt.data.image_folder(photos, SIZE)
    first, second = (
        _order(folder.batches("train", 4, shuffle=True)) for _ in range(2)
    )
    assert first != second and sorted(first) == sorted(second)


def test_unlabelled_images_are_shuffled(photos):
    folder = kt.data.image_folder(photos, SIZE, labelled=False)
    batches = folder.batches("train", 14, shuffle=True, seed=0)
    first, second = (next(iter(batches)).numpy() for _ in range(2))
    assert first.shape == (14, *SIZE, 3) and not np.array_equal(first, second)
    values = first[:, 0, 0, 0], second[:, 0, 0, 0]
    np.testing.assert_array_equal(*map(np.sort, values))


class Watched(keras.layers.Layer):
    """Passes images on and notes what each is filled with, in training."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, images, training=False):
        if training and tf.executing_eagerly():
            self.seen += images[:, 0, 0, 0].numpy().round().tolist()
        return images


def test_fit_takes_a_new_order_in_every_epoch(photos):
    folder = kt.data.image_folder(photos, SIZE, validation_split=0.25)
    rows, runs = len(folder.train.paths), []
    for _ in range(2):
        watched = Watched()
        model = keras.Sequential(
            [
                keras.Input((*SIZE, 3)),
                watched,
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile(
            "sgd", "sparse_categorical_crossentropy", run_eagerly=True
        )
        history = model.fit(
            folder.batches("train", 4, shuffle=True, seed=0),
            validation_data=folder.batches("validation"),
            class_weight=folder.class_weight,
            epochs=3,
            shuffle=False,
            verbose=0,
        )
        assert np.isfinite(history.history["val_loss"]).all()
        runs.append(np.reshape(watched.seen, (3, rows)).tolist())
    assert runs[0] == runs[1]
    expected = sorted(int(name[:3]) for name in _names(folder.train.paths))
    assert all(sorted(epoch) == expected for epoch in runs[0])
    assert len({tuple(epoch) for epoch in runs[0]}) == 3


# === The split


@pytest.mark.parametrize("split", [0.0, 0.01, 0.2, 0.25, 0.5, 0.99])
def test_the_split_is_stratified(tmp_path, split):
    counts = {"a": 1, "b": 2, "c": 10, "d": 25}
    photos = _classes(tmp_path, counts)
    folder = kt.data.image_folder(photos, SIZE, validation_split=split)
    both = [*folder.train.paths, *folder.validation.paths]
    assert len(both) == len(set(both)) == folder.num_images == 38
    held_out = np.bincount(folder.validation.labels, minlength=4)
    for count, number in zip(counts.values(), held_out, strict=True):
        if split == 0 or count == 1:
            assert number == 0
        else:
            assert 1 <= number <= count - 1
            rounded = np.floor(count * split + 0.5)
            assert number == np.clip(rounded, 1, count - 1)


@pytest.mark.parametrize("labelled", [True, False])
def test_the_split_depends_on_the_seed_and_the_names_alone(
    photos, tmp_path, monkeypatch, labelled
):
    def held_out(folder, seed):
        found = kt.data.image_folder(
            folder, SIZE, labelled=labelled, validation_split=0.5, seed=seed
        )
        return [
            os.path.relpath(path, folder) for path in found.validation.paths
        ]

    first = held_out(photos, 0)
    assert first == sorted(first) and len(first) == 7
    assert held_out(photos, 1) != first
    moved = shutil.copytree(photos, tmp_path / "moved")
    walk = os.walk

    def backwards(top, **options):
        for root, folders, files in walk(top, **options):
            folders.sort(reverse=True)
            yield root, folders, sorted(files, reverse=True)

    monkeypatch.setattr(os, "walk", backwards)
    assert held_out(moved, 0) == first


def test_a_class_keeps_its_split_when_another_one_grows(photos):
    def held_out():
        found = kt.data.image_folder(photos, SIZE, validation_split=0.5)
        return [p for p in found.validation.paths if "emu" not in p]

    before = held_out()
    _classes(photos, {"emu": 9})
    assert held_out() == before


# === In a pipeline


def _rows(pairs):
    """What tells the order of an epoch: a row of numbers for each batch."""
    return np.stack(
        [
            np.concatenate(
                [x["source"][:, 0, 0, 0], y, x["target"][:, 0, 0, 0]]
            )
            for x, y in pairs
        ]
    )


def test_pairs_stream_from_disk_in_an_order_of_seed_and_epoch(photos):
    folder = kt.data.image_folder(photos, SIZE)
    target = kt.data.image_folder(photos, SIZE, labelled=False)

    def epochs(seed, *numbers):
        pairs = kt.data.pair_domains(
            (folder.train.paths, folder.train.labels),
            target.train.paths,
            batch_size=4,
            target_batch_size=3,
            seed=seed,
            source_map=folder.load,
            target_map=target.load,
        )
        x, y = pairs.element_spec
        assert x["source"].shape == (4, *SIZE, 3)
        assert x["target"].shape == (3, *SIZE, 3) and y.dtype == "int32"
        result = []
        for number in numbers:
            pairs.epoch.assign(number)
            result.append(_rows(pairs))
        return result

    first, second = epochs(0, 0, 1)
    assert not np.array_equal(first, second)
    resumed = epochs(0, 1)[0]
    np.testing.assert_array_equal(resumed, second)
    assert not np.array_equal(epochs(1, 0)[0], first)


def test_images_keep_their_labels_in_pairs(tmp_path):
    for label, name in enumerate("abc"):
        for row in range(3):
            _save(tmp_path / name / f"{row}.png", value=50 * label)
    folder = kt.data.image_folder(tmp_path, SIZE)
    pairs = kt.data.pair_domains(
        folder.train,
        folder.train.paths,
        batch_size=4,
        seed=0,
        source_map=folder.load,
        target_map=folder.load,
    )
    for x, labels in pairs:
        np.testing.assert_allclose(x["source"][:, 0, 0, 0], 50 * labels.numpy())


def test_domain_adaptation_trains_on_folders(photos):
    folder = kt.data.image_folder(photos, (8, 8), validation_split=0.25)
    target = kt.data.image_folder(photos, (8, 8), labelled=False)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    trainer = kt.DomainAdaptation(model, alignment="dann")
    trainer.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    pairs = kt.data.pair_domains(
        folder.train,
        target.train,
        batch_size=4,
        seed=0,
        source_map=folder.load,
        target_map=target.load,
    )
    history = trainer.fit(
        pairs,
        epochs=1,
        verbose=0,
        validation_data=folder.batches("validation", 4),
    )
    assert np.isfinite(history.history["val_loss"]).all()


# === Bad input


def _refuses(named, directory, **options):
    """The message of the refusal, which names the path."""
    with pytest.raises(ValueError) as caught:
        kt.data.image_folder(directory, SIZE, **options)
    assert str(named) in str(caught.value)
    return str(caught.value)


def test_a_missing_folder_is_named(tmp_path):
    assert "existing folder" in _refuses(
        tmp_path / "missing", tmp_path / "missing"
    )
    path = _save(tmp_path / "a.png")
    assert "existing folder" in _refuses(path, path)


def test_no_class_folders(tmp_path):
    _save(tmp_path / "a.png")
    assert "labelled=False" in _refuses(tmp_path, tmp_path)


def test_one_class(tmp_path):
    photos = _classes(tmp_path, {"cat": 2})
    assert "only 'cat'" in _refuses(photos, photos)


def test_a_class_without_images(photos):
    (photos / "fox").mkdir()
    (photos / "fox" / "a.webp").write_text("")
    message = _refuses(photos / "fox", photos)
    assert "1 other files" in message and "a.webp" in message


def test_no_images(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("b.txt", "deep/c.tif"):
        (tmp_path / name).write_text("")
    message = _refuses(tmp_path, tmp_path, labelled=False)
    assert "2 other files" in message and "b.txt" in message


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "jpg"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_files_cut_off_are_counted_and_named(photos, suffix, share):
    path = _save(photos / "cat" / f"bad.{suffix}", 40, 40)
    contents = path.read_bytes()
    path.write_bytes(contents[: int(share * len(contents))])
    shutil.copy(path, photos / "dog" / f"worse.{suffix}")
    message = _refuses(path, photos)
    assert "2 of 16 image files" in message
    assert f"worse.{suffix}" in message and "\n" not in message


def test_corrupt_files_are_skipped_if_asked(photos):
    expected = kt.data.image_folder(photos, SIZE, validation_split=0.5)
    bad = [photos / "cat" / "bad.png", photos / "emu" / "a" / "worse.jpg"]
    for path in bad:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no image")
    with pytest.warns(UserWarning, match="Skipped 2 of 16") as caught:
        folder = kt.data.image_folder(
            photos, SIZE, validation_split=0.5, on_corrupt="skip"
        )
    assert all(str(path) in str(caught[0].message) for path in bad)
    assert caught[0].filename == __file__
    assert folder.skipped == [str(path) for path in bad]
    assert folder.num_images == 14 and expected.skipped == []
    assert folder.class_weight == expected.class_weight
    for part in ("train", "validation"):
        for left, right in zip(
            getattr(folder, part), getattr(expected, part), strict=True
        ):
            np.testing.assert_array_equal(left, right)


def test_a_class_that_would_lose_all_its_images_is_refused(photos):
    for path in (photos / "emu").iterdir():
        path.write_text("no image")
    message = _refuses(photos / "emu", photos, on_corrupt="skip")
    assert "None of the 2 image files" in message
    assert "000.png" in message and "001.png" in message


def test_what_is_no_image_is_refused(photos):
    path = photos / "cat" / "page.jpg"
    path.write_text("<html>not found</html>")
    assert "is no image" in _refuses(path, photos)
    path.unlink()
    path.symlink_to("nowhere.jpg")
    assert "No such file" in _refuses(path, photos)


def test_other_formats_under_a_known_name_are_refused(photos):
    path = _save(photos / "cat" / "a.jpg", format="TIFF")
    assert "is a TIFF image" in _refuses(path, photos)
    path.unlink()
    # TensorFlow would take the indices of the palette for grey values.
    path = _save(photos / "cat" / "a.bmp", mode="P")
    assert "palette" in _refuses(path, photos)


def test_names_that_tensorflow_cannot_take_are_refused(photos):
    path = os.fsencode(photos / "cat") + b"/\xff.png"
    try:
        shutil.copy(photos / "cat" / "000.png", path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert "not UTF-8" in _refuses("cat", photos)


def test_a_whole_file_with_something_behind_its_end_is_taken(photos):
    for suffix in ("jpg", "png"):
        path = _save(photos / "cat" / f"a.{suffix}")
        path.write_bytes(path.read_bytes() + b"\0" * 40)
    assert kt.data.image_folder(photos, SIZE).num_images == 16


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 96),
        ("size", (0, 4)),
        ("size", (4, 4, 3)),
        ("validation_split", 1.0),
        ("validation_split", -0.1),
        ("seed", -1),
        ("seed", None),
        ("on_corrupt", "ignore"),
        ("interpolation", "cubic"),
    ],
)
def test_arguments_out_of_range_are_named(photos, name, value):
    with pytest.raises(ValueError, match=f"argument `{name}`"):
        kt.data.image_folder(photos, **{"size": SIZE, name: value})


@pytest.mark.parametrize("size", [None, (None, None), [None, 224]])
def test_a_backbone_of_any_size_needs_one_chosen(photos, size):
    with pytest.raises(ValueError, match="argument `size`.*any size: choose"):
        kt.data.image_folder(photos, size)


@pytest.mark.parametrize("size", [(6, 10), [6, 10], np.array([6, 10])])
def test_a_size_may_be_any_pair_of_integers(photos, size):
    assert kt.data.image_folder(photos, size).size == SIZE


def test_bad_parts_and_batch_sizes_are_refused(photos):
    folder = kt.data.image_folder(photos, SIZE)
    with pytest.raises(ValueError, match="Did you mean 'train'"):
        folder.batches("training")
    with pytest.raises(ValueError, match="larger validation_split"):
        folder.batches("validation")
    with pytest.raises(ValueError, match="batch_size"):
        folder.batches("train", 0)
    for seed in (-1, 1.5, "a"):
        with pytest.raises(ValueError, match="argument `seed`"):
            folder.batches("train", shuffle=True, seed=seed)
