"""MATLAB files of features."""

import numpy as np
import pytest
import scipy.io

from keras_transfer.data.builders.feature_files import feature_examples


def _write(path, **arrays):
    scipy.io.savemat(path, arrays)
    return path


def test_rows_and_labels(tmp_path):
    fts = np.array([[1.0, 2.0], [3.0, 4.0]])
    for labels in ([[2], [10]], [[2, 10]]):
        path = _write(tmp_path / "a.mat", fts=fts, labels=labels)
        examples = dict(feature_examples(path, "uint8"))
        assert [example["label"] for example in examples.values()] == [1, 9]
        assert examples[1]["features"].tolist() == [3, 4]
        assert examples[1]["features"].dtype == "uint8"


def test_double_becomes_single(tmp_path):
    path = _write(tmp_path / "a.mat", fts=[[1 / 3]], labels=[[1]])
    example = dict(feature_examples(path, "float32"))[0]
    assert example["features"] == np.float32(1 / 3)


@pytest.mark.parametrize("value", [300.0, 0.5, -1.0])
def test_values_that_do_not_fit_are_refused(tmp_path, value):
    path = _write(tmp_path / "a.mat", fts=[[value]], labels=[[1]])
    with pytest.raises(ValueError, match="do not fit uint8"):
        next(feature_examples(path, "uint8"))


def test_other_files_are_refused(tmp_path):
    path = _write(tmp_path / "a.mat", feas=[[1.0]], labels=[[1]])
    with pytest.raises(ValueError, match="no array 'fts'. It has feas, labels"):
        next(feature_examples(path, "uint8"))
