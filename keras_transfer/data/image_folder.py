"""Folders of image files, streamed from disk."""

import os
import pathlib
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.data import image_files
from keras_transfer.data.class_folders import class_folders
from keras_transfer.data.path_batches import path_batches
from keras_transfer.data.splits import balanced_weights
from keras_transfer.data.splits import check_batches
from keras_transfer.data.splits import check_split
from keras_transfer.data.splits import held_out

#: Rules of `keras.layers.Resizing`.
INTERPOLATIONS = (
    "bilinear",
    "nearest",
    "bicubic",
    "area",
    "lanczos3",
    "lanczos5",
)


class ImagePaths(NamedTuple):
    """Paths `(rows,)`, strings, and labels `(rows,)`, int32 or `None`."""

    paths: np.ndarray
    labels: np.ndarray | None


class ImageFolder:
    """Paths of images, and how they are loaded; made by `image_folder`.

    Args:
        train: `(paths, labels)`: strings `(rows,)` and int32 `(rows,)` or
            `None`.
        validation: The same for the held-out part, which may be empty.
        size: `(height, width)` of the loaded images.
        class_names: Names of the classes by index, or `None`.
        crop_to_aspect_ratio: As for `keras.layers.Resizing`.
        interpolation: As for `keras.layers.Resizing`.
        skipped: Paths of corrupt files that were left out.

    Attributes:
        num_images: Number of images of both parts, without the skipped.
        class_weight: Dict from class index to weight, for
            `fit(class_weight=)`, or `None` without labels. With `n` training
            images, `n_c` of them of class `c`, the "balanced" weights of
            scikit-learn: `n / (num_classes * n_c)`.

    Example:

    >>> import numpy as np
    >>> from keras_transfer import data
    >>> train = np.array(["a/1.png", "b/1.png", "b/2.png"]), np.array([0, 1, 1])
    >>> none = train[0][:0], train[1][:0]
    >>> folder = data.ImageFolder(train, none, (8, 8), class_names=["a", "b"])
    >>> folder.num_images, folder.class_weight
    (3, {0: 1.5, 1: 0.75})
    """

    def __init__(
        self,
        train,
        validation,
        size,
        class_names=None,
        crop_to_aspect_ratio=False,
        interpolation="bilinear",
        skipped=(),
    ):
        self.train = ImagePaths(*train)
        self.validation = ImagePaths(*validation)
        self.size = tuple(int(pixels) for pixels in size)
        self.class_names = class_names
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.interpolation = interpolation
        self.skipped = list(skipped)
        self.num_images = len(self.train.paths) + len(self.validation.paths)
        # Named, so that the user's own layers are counted from the start.
        self._resizing = keras.layers.Resizing(
            *self.size,
            interpolation=interpolation,
            crop_to_aspect_ratio=crop_to_aspect_ratio,
            data_format="channels_last",
            dtype="float32",
            name="image_folder_resizing",
        )
        self.class_weight = None
        if class_names is not None:
            self.class_weight = balanced_weights(
                self.train.labels, len(class_names)
            )

    def load(self, paths, *others):
        """Loads one batch; also inside `tf.data`, as a `map` of batches.

        Args:
            paths: Strings, shape `(rows,)`.
            *others: Labels and weights, passed on as they are.

        Returns:
            Images `(rows, height, width, 3)`, float32 from 0 to 255: what
            `Resizing` gives, unrounded, and what every layer accepts. With
            `others` the tuple `(images, *others)`.
        """
        images = tf.map_fn(
            self._load_one,
            tf.convert_to_tensor(paths, dtype=tf.string),
            fn_output_signature=tf.TensorSpec((*self.size, 3), tf.float32),
        )
        return (images, *others) if others else images

    def batches(self, part, batch_size=32, shuffle=False, seed=None):
        """Streams a part, in the order of its paths or in a new one each time.

        Images are decoded in parallel; a few batches are in memory at a time.
        With `shuffle` the whole list of paths is put in a new order, which
        depends on `seed` and on how often the dataset was iterated before,
        and on nothing else. So `fit` sees a new order in every epoch:

            model.fit(
                images.batches("train", 32, shuffle=True, seed=0),
                validation_data=images.batches("validation"),
                class_weight=images.class_weight,
                shuffle=False,  # only spares Keras' warning about datasets
            )

        Args:
            part: `"train"` or `"validation"`.
            batch_size: Rows per batch; the last batch may be smaller.
            shuffle: Whether to shuffle, for training.
            seed: Non-negative integer, for orders that repeat.

        Returns:
            A `tf.data.Dataset` of `(images, labels)`, or of images if there
            are no labels. Shuffled, its variable `epoch` is the number of
            the order that comes next: a training that is resumed assigns it
            in `on_epoch_begin`.

        Raises:
            ValueError: If the part is unknown or empty, or an argument is out
                of range.
        """
        counts = {
            name: len(getattr(self, name).paths)
            for name in ("train", "validation")
        }
        check_batches(part, counts, batch_size, seed, "image_folder")
        paths, labels = getattr(self, part)
        rows = (paths,) if labels is None else (paths, labels)
        return path_batches(rows, self._load_one, batch_size, shuffle, seed)

    def _load_one(self, path):
        image = image_files.decode(path)
        # Grey and grey with alpha repeat the first channel; alpha is dropped.
        is_color = tf.shape(image)[-1] > 2
        image = tf.gather(
            image, tf.where(is_color, [0, 1, 2], [0, 0, 0]), axis=-1
        )
        image = self._resizing(tf.cast(image, tf.float32))
        return tf.ensure_shape(image, (*self.size, 3))


def image_folder(
    directory,
    size,
    *,
    labelled=True,
    validation_split=0.0,
    seed=0,
    on_corrupt="error",
    interpolation="bilinear",
    crop_to_aspect_ratio=False,
    verbose=1,
):
    """Finds, checks and splits the images below a folder.

    With labels the folders in `directory` are the classes, sorted by name,
    and the images of a class may lie at any depth below its folder; without
    labels, at any depth below `directory`. Links are followed. Hidden files
    and folders are ignored, and so are files that do not end in .bmp, .gif
    (of which the first frame is taken), .jpeg, .jpg or .png. Grey images
    become RGB; alpha is dropped.

    Formula: of the `n_c` images of a class that can be used

        num_validation = clip(floor(n_c * validation_split + 1/2), 1, n_c - 1)

    are held out, none if `n_c = 1` or `validation_split = 0`. Without labels
    all images are one class. Which ones depends on `seed` and the names
    alone, not on the order in which the file system lists them. Both parts
    are sorted by path.

    Images are decoded when they are needed, so that only paths are in memory.
    For plain `fit`:

        images = kt.data.image_folder(
            "photos", backbone.preprocessing.size, validation_split=0.2
        )
        model.fit(
            images.batches("train", 32, shuffle=True, seed=0),
            validation_data=images.batches("validation"),
            class_weight=images.class_weight,
            shuffle=False,
        )

    For two domains, `pair_domains` shuffles the paths and takes `load` as its
    map.

    Bad at: photos that need their EXIF rotation, which is not applied; large
    photos, which are decoded again in every epoch and lose fine detail, as
    `Resizing` does not smooth but by the rule `"area"` (make a smaller copy
    first); damage in the middle of a JPEG file, of which only the header and
    the end are checked before training. It gives wrong pixels or, rarely, an
    error in training. Damage in the other formats is found before.

    Args:
        directory: Path of the folder.
        size: `(height, width)` that all images are resized to, by
            `keras.layers.Resizing`; `backbone.preprocessing.size` is one.
        labelled: Whether the folders in `directory` are classes.
        validation_split: Share to hold out, at least 0 and below 1.
        seed: Non-negative integer that decides the split.
        on_corrupt: `"error"` refuses the folder if a file cannot be decoded;
            `"skip"` leaves such files out, with a warning. Either names them,
            the first ten if there are more.
        interpolation: Resize rule, a name of `keras.layers.Resizing`. The
            cubic and the Lanczos rules go a little below 0 and above 255.
        crop_to_aspect_ratio: Whether to cut off the longer sides instead of
            squeezing an image whose aspect ratio differs from that of `size`.
        verbose: 0 for no progress bar, which else more than 1,000 files show.

    Returns:
        An `ImageFolder` with `train.paths`, `train.labels`, the same for
        `validation`, `class_names`, `class_weight`, `num_images`, `size`,
        `skipped`, `load` and `batches`.

    Raises:
        ValueError: If the folder does not exist, has no images, fewer than
            two class folders, a class folder without images, or files that
            cannot be decoded; if a class loses all its images by skipping;
            if an argument is out of range.

    Example:

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from PIL import Image
    >>> import keras_transfer as kt
    >>> photos = tempfile.TemporaryDirectory()
    >>> for row in range(12):
    ...     path = pathlib.Path(photos.name, "cat" if row < 4 else "dog")
    ...     path.mkdir(exist_ok=True)
    ...     image = Image.fromarray(np.full((20, 30, 3), 9 * row, "uint8"))
    ...     image.save(path / f"{row}.png")
    >>> folder = kt.data.image_folder(
    ...     photos.name, size=(16, 16), validation_split=0.25
    ... )
    >>> folder.class_names, folder.train.labels
    (['cat', 'dog'], array([0, 0, 0, 1, 1, 1, 1, 1, 1], dtype=int32))
    >>> folder.class_weight
    {0: 1.5, 1: 0.75}
    >>> images, labels = next(iter(folder.batches("validation", 8)))
    >>> images.shape, labels.numpy()
    (TensorShape([3, 16, 16, 3]), array([0, 1, 1], dtype=int32))
    >>> target = kt.data.image_folder(photos.name, (16, 16), labelled=False)
    >>> pairs = kt.data.pair_domains(
    ...     (folder.train.paths, folder.train.labels),
    ...     target.train.paths,
    ...     batch_size=4,
    ...     seed=0,
    ...     source_map=folder.load,
    ...     target_map=target.load,
    ... )
    >>> x, y = next(iter(pairs))
    >>> x["source"].shape, x["target"].shape
    (TensorShape([4, 16, 16, 3]), TensorShape([4, 16, 16, 3]))
    >>> photos.cleanup()
    """
    _check_arguments(directory, size, validation_split, seed)
    if on_corrupt not in ("error", "skip"):
        raise unknown_name("on_corrupt", on_corrupt, ("error", "skip"))
    if interpolation not in INTERPOLATIONS:
        raise unknown_name("interpolation", interpolation, INTERPOLATIONS)
    class_names = class_folders(directory) if labelled else None
    folders = [pathlib.Path(directory, name) for name in class_names or [""]]
    found, skipped = image_files.usable(
        {folder: image_files.below(folder) for folder in folders},
        on_corrupt,
        verbose,
    )
    paths = np.concatenate(found)
    groups = np.repeat(np.arange(len(found), dtype="int32"), [*map(len, found)])
    is_out = held_out(groups, validation_split, seed)
    train, validation = (
        ImagePaths(paths[rows], groups[rows] if labelled else None)
        for rows in (~is_out, is_out)
    )
    return ImageFolder(
        train,
        validation,
        size,
        class_names,
        crop_to_aspect_ratio,
        interpolation,
        skipped,
    )


def _check_arguments(directory, size, validation_split, seed):
    if not os.path.isdir(directory):
        raise invalid_argument(
            "directory", str(directory), "the path of an existing folder"
        )
    _check_size(size)
    check_split(validation_split, seed)


def _check_size(size):
    expected = "(height, width) in pixels"
    if size is None or (np.ndim(size) == 1 and None in tuple(size)):
        raise invalid_argument(
            "size",
            size,
            expected,
            "A backbone whose `preprocessing.size` is None takes images of "
            "any size: choose one, as size=(224, 224).",
        )
    if np.shape(size) != (2,) or min(size) < 1:
        raise invalid_argument("size", size, expected)
