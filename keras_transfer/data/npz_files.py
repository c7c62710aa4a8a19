"""Benchmarks from a folder of `.npz` files, each in its layout."""

import pathlib

import numpy as np
import scipy.sparse


def image_parts(paths, split):
    """Images `x_train`, `y_train`, `x_test`, ... of one or more files.

    Args:
        paths: Files; the rows of the later ones follow those of the first.
        split: Name of the part.

    Returns:
        `(x, y)`: uint8 `(rows, height, width, channels)`, and labels.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.npz_files import image_parts
    >>> x, y = np.zeros((5, 8, 8), "uint8"), np.arange(5)
    >>> np.savez("a.npz", x_test=x, y_test=y)
    >>> image_parts(["a.npz"], "test")[0].shape
    (5, 8, 8, 1)
    """
    parts = []
    for path in paths:
        with np.load(path) as file:
            if f"x_{split}" in file:
                parts.append((file[f"x_{split}"], file[f"y_{split}"]))
    if not parts:
        raise ValueError(f"{paths[0]} holds no array 'x_{split}'.")
    x, y = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return (x[..., None] if x.ndim == 3 else x), y


def feature_rows(paths, split):
    """Features `x` and labels `y` of one file.

    Args:
        paths: The file.
        split: Ignored: there is one part.

    Returns:
        `(x, y)`: `(rows, width)`, half precision as float32, and labels.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.npz_files import feature_rows
    >>> np.savez("a.npz", x=np.zeros((5, 3), "float16"), y=np.arange(5))
    >>> feature_rows(["a.npz"], "train")[0].dtype
    dtype('float32')
    """
    with np.load(paths[0]) as file:
        x, y = file["x"], file["y"]
    return (x.astype("float32") if x.dtype == "float16" else x), y


def sparse_rows(paths, split):
    """Rows of a sparse matrix, of which the first `n_train` are for training.

    Args:
        paths: A file of `scipy.sparse.save_npz` with `y` and `n_train` added.
        split: `"train"` or `"test"`.

    Returns:
        `(x, y)`: a CSR matrix and labels.

    Example:

    >>> import numpy as np, scipy.sparse
    >>> from keras_transfer.data.npz_files import sparse_rows
    >>> x = scipy.sparse.eye(5, format="csr")
    >>> np.savez(
    ...     "a.npz", data=x.data, indices=x.indices, indptr=x.indptr,
    ...     shape=x.shape, format=b"csr", y=np.arange(5), n_train=3
    ... )
    >>> sparse_rows(["a.npz"], "test")[1]
    array([3, 4])
    """
    x = scipy.sparse.load_npz(paths[0]).tocsr()
    with np.load(paths[0]) as file:
        y, count = file["y"], int(file["n_train"])
    rows = slice(count) if split == "train" else slice(count, None)
    return x[rows], y[rows]


def drawings(paths, split):
    """Omniglot's characters, ink 255 on 0.

    Args:
        paths: A file with `images` `(classes, drawings, height, width)` of 0
            and 1, and `class_id`, counted from 1.
        split: Ignored: there is one part.

    Returns:
        `(x, y)`: uint8 `(rows, height, width, 1)`, and labels from 0.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.npz_files import drawings
    >>> images = np.ones((2, 3, 4, 4), "uint8")
    >>> np.savez("a.npz", images=images, class_id=np.array([2, 1], "int16"))
    >>> x, y = drawings(["a.npz"], "train")
    >>> x.shape, int(x.max()), y
    ((6, 4, 4, 1), 255, array([1, 1, 1, 0, 0, 0]))
    """
    with np.load(paths[0]) as file:
        images, labels = file["images"], file["class_id"].astype("int64") - 1
    x = images.reshape(-1, *images.shape[2:], 1) * np.uint8(255)
    return x, np.repeat(labels, images.shape[1])


def drawing_names(path):
    """Names of Omniglot's characters by label.

    Args:
        path: The file that `drawings` reads.

    Returns:
        Tuple of `"alphabet/character"`.

    Example:

    >>> import numpy as np
    >>> from keras_transfer.data.npz_files import drawing_names
    >>> np.savez("a.npz", alphabet=["B", "A"], character=["1", "2"],
    ...     class_id=[2, 1])
    >>> drawing_names("a.npz")
    ('A/2', 'B/1')
    """
    with np.load(path) as file:
        names = zip(file["alphabet"], file["character"], strict=True)
        names = np.array([f"{first}/{second}" for first, second in names])
        return tuple(names[np.argsort(file["class_id"])].tolist())


def files_in(folder, names, optional=()):
    """Paths of the files of a domain.

    Args:
        folder: The folder.
        names: Names of files that must be there.
        optional: Names of files that may be there.

    Returns:
        List of paths.

    Raises:
        FileNotFoundError: If the folder or a file does not exist.

    Example:

    >>> from keras_transfer.data.npz_files import files_in
    >>> files_in(".", ["digits_usps.npz"])
    Traceback (most recent call last):
    ...
    FileNotFoundError: No file digits_usps.npz in folder '.'.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder {str(folder)!r}.")
    for name in names:
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"No file {name} in folder {str(folder)!r}."
            )
    found = [name for name in optional if (folder / name).is_file()]
    return [folder / name for name in [*names, *found]]
