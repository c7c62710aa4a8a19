"""MATLAB files of features."""

import pathlib

import numpy as np


def feature_examples(path, dtype):
    """TFDS examples of a file with `fts` and `labels` from 1.

    Args:
        path: The `.mat` file.
        dtype: What the features are to be.

    Yields:
        `(number, {"features": row, "label": number})`.

    Raises:
        ValueError: If an array is missing or does not fit `dtype`.

    Example:

    >>> import numpy as np, scipy.io
    >>> from keras_transfer.data.builders.feature_files import feature_examples
    >>> scipy.io.savemat("a.mat", {"fts": np.eye(2), "labels": [[1], [3]]})
    >>> for number, example in feature_examples("a.mat", "uint8"):
    ...     print(number, example)
    0 {'features': array([1, 0], dtype=uint8), 'label': 0}
    1 {'features': array([0, 1], dtype=uint8), 'label': 2}
    """
    import scipy.io

    with pathlib.Path(path).open("rb") as file:
        arrays = scipy.io.loadmat(file)
    missing = [name for name in ("fts", "labels") if name not in arrays]
    if missing:
        raise ValueError(
            f"{path} holds no array {missing[0]!r}. It has "
            f"{', '.join(name for name in arrays if name[0] != '_')}."
        )
    given = np.asarray(arrays["fts"])
    # A cast that overflows would warn, with no word on the file.
    with np.errstate(invalid="ignore"):
        features = given.astype(dtype)
    if not np.allclose(features, given, rtol=1e-6):
        raise ValueError(f"The features of {path} do not fit {dtype}.")
    labels = arrays["labels"].ravel().astype("int64") - 1
    for number, label in enumerate(labels):
        yield number, {"features": features[number], "label": int(label)}
