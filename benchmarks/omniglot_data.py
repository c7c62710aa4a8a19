"""Omniglot as few-shot learning takes it: drawings, classes, changes."""

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

FILE = "omniglot_background.npz"
SPLITS = "omniglot_vinyals_splits.json"
SIDE = 28


def load(paths, names=None):
    """Drawings of some characters, and the names of these.

    Args:
        paths: `.npz` files with `images` `(characters, 20, 28, 28)`, 1 is ink,
            `alphabet` and `character`; perhaps `images_gray`, 0 to 255.
        names: Collection of `alphabet/character`, or `None` for all. Those
            that no file holds are left out.

    Returns:
        `(images, labels)`: uint8 `(rows, 28, 28, 2)`, ink and grey from 0 to
        255 (ink again where there is no grey), and strings `(rows,)`.
    """
    images, labels = [], []
    for path in paths:
        if not path.exists():
            sys.exit(f"omniglot.py: there is no file {path}")
        with np.load(path) as file:
            missing = {"images", "alphabet", "character"} - set(file.files)
            if missing:
                sys.exit(f"omniglot.py: {path} has no {sorted(missing)}")
            ink = 255 * file["images"]
            grey = file.get("images_gray", ink)
            images.append(np.stack([ink, grey], axis=-1).astype("uint8"))
            pairs = zip(file["alphabet"], file["character"], strict=True)
            labels += [
                f"{alphabet}/{character}" for alphabet, character in pairs
            ]
    images, labels = np.concatenate(images), np.array(labels)
    if names is not None:
        kept = np.isin(labels, sorted(names))
        if not kept.any():
            sys.exit("omniglot.py: the files hold none of the named classes")
        images, labels = images[kept], labels[kept]
    drawings = images.shape[1]
    return images.reshape(-1, SIDE, SIDE, 2), np.repeat(labels, drawings)


def names_of(argument, folder):
    """The names of `FILE.json:KEY`, the file in `folder` or a path."""
    file, _, key = argument.rpartition(":")
    path = pathlib.Path(file)
    path = path if path.exists() else pathlib.Path(folder) / path
    if not path.exists():
        sys.exit(f"omniglot.py: there is no file {file} for --classes")
    contents = json.loads(path.read_text())
    if key not in contents:
        sys.exit(f"omniglot.py: {file} has no key {key!r}")
    return set(contents[key])


def ink(images):
    """Binary images `(rows, 28, 28, 1)`, 0 is paper and 1 is ink."""
    return tf.cast(images[..., :1], "float32") / 255


def redrawn(images):
    """Binary drawings, half of them as they are and half drawn otherwise.

    The others are grey drawings moved, turned, stretched and slanted by a
    little, and then cut at a random grey.

    Args:
        images: uint8, `(rows, 28, 28, 2)`, ink and grey.

    Returns:
        float32, 0 or 1, `(rows, 28, 28, 1)`.
    """
    # What was drawn decides what is changed: a resumed run repeats it.
    flat = tf.cast(tf.reshape(images, [-1]), tf.int64)
    places = tf.range(tf.size(flat, tf.int64), dtype=tf.int64)
    key = tf.stack([tf.reduce_sum(flat), tf.reduce_sum(flat * places)])
    draws = tf.random.stateless_uniform(
        (8, tf.shape(images)[0]), key, -1.0, 1.0
    )
    grey = keras.ops.image.affine_transform(
        tf.cast(images[..., 1:], tf.float32) / 255,
        _affine(*tf.unstack(draws[:6])),
        data_format="channels_last",
    )
    cut, choice = (draws[k][:, None, None, None] for k in (6, 7))
    drawn = tf.cast(grey > 0.4 + 0.15 * cut, tf.float32)
    return tf.where(choice < 0, ink(images), drawn)


def changed(images, key):
    """Varies drawings: place, size, slant, pen and sharpness.

    Args:
        images: uint8, `(rows, 28, 28, 2)`, ink and grey.
        key: Two integers that decide everything.

    Returns:
        float32 from 0 to 1, `(rows, 28, 28, 1)`.
    """
    rows = tf.shape(images)[0]
    draws = tf.random.stateless_uniform((9, rows), key, -1.0, 1.0)
    blend, pen, light = (draws[k][:, None, None, None] for k in (6, 7, 8))
    images = tf.cast(images, tf.float32) / 255
    # A third is ink alone, a third grey alone.
    share = tf.clip_by_value(0.5 + 1.5 * blend, 0, 1)
    images = share * images[..., :1] + (1 - share) * images[..., 1:]
    images = keras.ops.image.affine_transform(
        images, _affine(*tf.unstack(draws[:6])), data_format="channels_last"
    )
    # Pens: half as they are, three in ten one pixel wider, the rest two.
    wider, widest = (
        tf.nn.max_pool2d(images, size, 1, "SAME") for size in (2, 3)
    )
    images = tf.where(pen < 0, images, tf.where(pen < 0.6, wider, widest))
    return tf.clip_by_value(images * (1 + 0.3 * light), 0, 1)


def _affine(angle, height, width, slant, down, right):
    """Rows of eight numbers, from draws between -1 and 1 of shape `(rows,)`."""
    angle, slant = 0.2 * angle, 0.15 * slant
    height, width = tf.exp(0.2 * height), tf.exp(0.2 * width)
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b = cos * width, (slant * cos - sin) * height
    c, d = sin * width, (slant * sin + cos) * height
    middle = 13.5  # stays where it is, up to the shift
    return tf.stack(
        [
            a,
            b,
            middle - middle * (a + b) + 2.5 * right,
            c,
            d,
            middle - middle * (c + d) + 2.5 * down,
            tf.zeros_like(a),
            tf.zeros_like(a),
        ],
        axis=1,
    )
