"""Benchmarks of the field by name."""

from keras_transfer._public import invalid_argument
from keras_transfer._public import unknown_name
from keras_transfer.data import npz_files
from keras_transfer.data.benchmarks import find_benchmark
from keras_transfer.data.domain_dataset import DomainDataset
from keras_transfer.data.tfds_rows import tfds_rows


def load(name, split="train", folder=None, data_dir=None):
    """Loads a domain of a benchmark by name.

    Names: `"mnist"`, `"usps"`, `"svhn"`, `"mnist_m"`, `"omniglot"`;
    `"office31/"` amazon, dslr, webcam; `"office_home/"` art, clipart,
    product, real_world; `"domainnet/"` clipart, infograph, painting,
    quickdraw, real, sketch; `"visda/"` train (synthetic), validation (real);
    `"amazon_reviews/"` books, dvd, electronics, kitchen;
    `"office_caltech_surf/"` and `"office_caltech_googlenet/"` amazon,
    caltech, dslr, webcam.

    Images are uint8 from 0 to 255, `(height, width, channels)`, ink bright;
    reviews and bags of words are counts; labels are integers from 0.

    With `folder` the rows come from `.npz` files, in their order, and are
    kept in memory; nothing else is read. Without it they come from TensorFlow
    Datasets (`pip install "keras-transfer[datasets]"`), streamed in TFDS'
    order from what it prepared in `data_dir`. The first call prepares it:

    - mnist, svhn, omniglot and domainnet are TFDS' own, which downloads them
      (without a network it tries for some minutes before it gives up);
    - the others are builders of this package. They download nothing: an error
      says which archive to get where, and where to put it. After `import
      keras_transfer.data.builders` they are `tfds.load` names too, with
      `keras_transfer_` in front.

    An archive's checksum is compared where one is known (USPS, MNIST-M), and
    with `ARCHIVE.sha256` beside it, in the form that `sha256sum` writes, if
    you give one. For the other archives none could be confirmed.

    Note: the two sources differ in Omniglot (105x105 by TFDS, 28x28 and its
    background half by file) and in MNIST-M (32x32, the authors' own, by
    TFDS; a rebuild of a part in 28x28 by file).

    Bad at: protocols with splits of their own, such as the labelled rows of
    Office-31's semi-supervised one; draw them by `subset`.

    Args:
        name: Name of the benchmark, with its domain behind a slash.
        split: `"train"`, or `"test"` where there is one; svhn has `"extra"`.
            Sets without a test part (office, visda) are all `"train"`.
        folder: Folder of `.npz` files, or `None` for TFDS.
        data_dir: Folder of TFDS, by default as TFDS chooses:
            `~/tensorflow_datasets` or `TFDS_DATA_DIR`.

    Returns:
        A `DomainDataset`.

    Raises:
        ValueError: If a name, domain or split is unknown, or there is no file
            format for the set.
        FileNotFoundError: If a file or an archive is missing.
        ImportError: If TFDS is not installed.

    Example:

    >>> import numpy as np
    >>> import keras_transfer as kt
    >>> x, y = np.zeros((20, 16, 16), "uint8"), np.arange(20) % 10
    >>> np.savez("digits_usps.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    >>> usps = kt.data.load("usps", "test", folder=".")
    >>> usps
    <DomainDataset usps test: 20 rows of (16, 16, 1) uint8, 10 classes>
    >>> usps.prepared(size=28, channels=3).shape
    (28, 28, 3)
    """
    benchmark = find_benchmark(name)
    if split not in benchmark.splits:
        raise unknown_name("split", split, benchmark.splits)
    if folder is None:
        rows, class_names, read = tfds_rows(benchmark, name, split, data_dir)
        return DomainDataset(rows, name, split, class_names, read)
    if data_dir is not None:
        raise ValueError(
            "`folder` is for .npz files and `data_dir` for TFDS. Give one."
        )
    if not benchmark.files:
        raise invalid_argument(
            "folder",
            str(folder),
            f"None: {name!r} has no .npz files",
            "It comes through TFDS; see `data_dir`.",
        )
    paths = npz_files.files_in(folder, benchmark.files, benchmark.more_files)
    if split == "test" and benchmark.read is npz_files.drawings:
        raise invalid_argument(
            "split", split, "'train': the files hold no test characters"
        )
    class_names = benchmark.class_names
    if benchmark.read_names is not None:
        class_names = benchmark.read_names(paths[0])
    rows = benchmark.read(paths, split)
    return DomainDataset(rows, name, split, class_names)
