"""Layouts of `.npz` files."""

import numpy as np
import pytest
import scipy.sparse

from keras_transfer.data import npz_files


@pytest.fixture
def two_files(tmp_path):
    for name, rows in (("a", 3), ("b", 2)):
        x = np.full((rows, 4, 4), rows, "uint8")
        arrays = {"x_train": x, "y_train": np.arange(rows)}
        if name == "a":
            arrays |= {"x_test": x[:1], "y_test": np.arange(1)}
        np.savez(tmp_path / f"{name}.npz", **arrays)
    return [tmp_path / "a.npz", tmp_path / "b.npz"]


def test_rows_of_several_files_follow_each_other(two_files):
    x, y = npz_files.image_parts(two_files, "train")
    assert x.shape == (5, 4, 4, 1) and y.tolist() == [0, 1, 2, 0, 1]
    assert x[:, 0, 0, 0].tolist() == [3, 3, 3, 2, 2]
    assert len(npz_files.image_parts(two_files, "test")[0]) == 1


def test_colour_stays(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x_test=np.zeros((2, 4, 4, 3), "uint8"), y_test=[0, 1])
    assert npz_files.image_parts([path], "test")[0].shape == (2, 4, 4, 3)


def test_a_part_that_is_not_there(two_files):
    with pytest.raises(ValueError, match="b.npz holds no array 'x_test'"):
        npz_files.image_parts(two_files[1:], "test")


def test_features(tmp_path):
    path = tmp_path / "a.npz"
    for dtype, expected in (("float16", "float32"), ("uint8", "uint8")):
        np.savez(path, x=np.eye(3, dtype=dtype), y=np.arange(3))
        x, y = npz_files.feature_rows([path], "train")
        assert x.dtype == expected and y.tolist() == [0, 1, 2]


def test_sparse_parts(tmp_path):
    x = scipy.sparse.random(7, 4, 0.5, "csr", rng=1)
    path = tmp_path / "a.npz"
    np.savez(
        path,
        data=x.data,
        indices=x.indices,
        indptr=x.indptr,
        shape=x.shape,
        format=b"csr",
        y=np.arange(7),
        n_train=5,
    )
    train, labels = npz_files.sparse_rows([path], "train")
    np.testing.assert_array_equal(train.toarray(), x.toarray()[:5])
    test, rest = npz_files.sparse_rows([path], "test")
    np.testing.assert_array_equal(test.toarray(), x.toarray()[5:])
    assert [*labels, *rest] == list(range(7))


def test_drawings_and_their_names(tmp_path):
    path = tmp_path / "a.npz"
    images = np.zeros((3, 2, 4, 4), "uint8")
    images[1, 0] = 1
    np.savez(
        path,
        images=images,
        class_id=np.array([3, 1, 2]),
        alphabet=["A", "A", "B"],
        character=["x", "y", "z"],
    )
    x, y = npz_files.drawings([path], "train")
    assert y.tolist() == [2, 2, 0, 0, 1, 1]
    assert x.shape == (6, 4, 4, 1) and x.dtype == "uint8"
    assert x.max(axis=(1, 2, 3)).tolist() == [0, 0, 255, 0, 0, 0]
    assert npz_files.drawing_names(path) == ("A/y", "B/z", "A/x")


def test_files_of_a_folder(two_files):
    folder = two_files[0].parent
    found = npz_files.files_in(folder, ["a.npz"], ["b.npz", "c.npz"])
    assert found == two_files
    assert npz_files.files_in(str(folder), ["a.npz"]) == two_files[:1]
    with pytest.raises(FileNotFoundError, match="No file c.npz in folder"):
        npz_files.files_in(folder, ["c.npz"])
    with pytest.raises(FileNotFoundError, match="No folder"):
        npz_files.files_in(folder / "none", ["c.npz"])
