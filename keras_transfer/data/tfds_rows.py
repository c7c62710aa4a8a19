"""Rows of TensorFlow Datasets, undecoded."""

import pathlib

import tensorflow as tf


def tfds_rows(benchmark, name, split, data_dir=None):
    """Streams a domain from what TFDS prepared, and prepares it if need be.

    Args:
        benchmark: A `Benchmark`.
        name: Its name, for errors.
        split: Name of the part.
        data_dir: Folder of TFDS or `None`.

    Returns:
        `(rows, class_names, load)` for a `DomainDataset`: images are not
        decoded before `load`.

    Raises:
        ImportError: If TFDS is not installed.
        FileNotFoundError: If an archive has to be placed by hand first.
        OSError: If TFDS cannot download.
    """
    tfds = _tensorflow_datasets()
    builder = _prepared(tfds, benchmark, name, data_dir)
    x_name, y_name = builder.info.supervised_keys
    features = builder.info.features
    is_image = isinstance(features[x_name], tfds.features.Image)
    skipped = {x_name: tfds.decode.SkipDecoding()} if is_image else None
    rows = builder.as_dataset(
        split=split,
        decoders=skipped,
        # TFDS would keep small sets in memory.
        read_config=tfds.ReadConfig(try_autocache=False),
    )
    rows = rows.map(
        lambda row: (row[x_name], tf.cast(row[y_name], tf.int64)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    decode = features[x_name].decode_example if is_image else None
    functions = [f for f in (decode, benchmark.convert) if f is not None]

    def load(x, y):
        for function in functions:
            x = function(x)
        return x, y

    return rows, features[y_name].names, load if functions else None


def _tensorflow_datasets():
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ImportError(
            "Datasets by name come from TensorFlow Datasets: pip install "
            '"keras-transfer[datasets]", or give `folder` with .npz files.'
        ) from error
    return tensorflow_datasets


def _prepared(tfds, benchmark, name, data_dir):
    """The builder, with its files in place."""
    if benchmark.is_own:
        # The import registers them with TFDS.
        import keras_transfer.data.builders  # noqa: F401
    builder = tfds.builder(benchmark.tfds, data_dir=data_dir)
    if builder.is_prepared():
        return builder
    if benchmark.is_own:
        # Above name and version, and config if there is one.
        root = pathlib.Path(builder.data_dir).parents[
            2 if builder.builder_config else 1
        ]
        builder.check_archives(root / "downloads" / "manual")
    try:
        builder.download_and_prepare()
    except OSError as error:
        raise OSError(
            f"TFDS could not prepare {name!r} in {builder.data_dir}: {error}. "
            "Give a `data_dir` where it is prepared, or `folder` with .npz "
            "files."
        ) from error
    return builder
