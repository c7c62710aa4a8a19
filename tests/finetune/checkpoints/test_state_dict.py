"""Which of the dicts in a file are the weights."""

import pytest

from keras_transfer.finetune.checkpoints import state_dict
from keras_transfer.finetune.checkpoints.tensor_record import StorageRecord
from keras_transfer.finetune.checkpoints.tensor_record import TensorRecord


def _tensor():
    return TensorRecord(StorageRecord("0", "float32", 1), 0, (1,), (1,))


def _find(contents, **arguments):
    return state_dict.find(contents, "net.pt", **arguments)


def test_the_dict_itself():
    weights = {"fc.weight": _tensor(), "fc.bias": _tensor()}
    assert _find(weights) == weights


def test_what_is_no_tensor_is_left_out():
    found = _find({"a": _tensor(), "extra_state": 3, 4: _tensor()})
    assert list(found) == ["a"]


def test_a_training_run():
    moments = {0: {"exp_avg": _tensor()}}
    contents = {
        "epoch": 4,
        "best_accuracy": _tensor(),
        "optimizer": {"state": moments, "param_groups": [{"lr": 0.1}]},
        "network": {"fc.bias": _tensor()},
    }
    assert _find(contents) == contents["network"]


@pytest.mark.parametrize("usual", ["state_dict", "model_state_dict", "model"])
def test_the_usual_name_among_several(usual):
    contents = {"ema": {"a": _tensor()}, usual: {"b": _tensor()}}
    assert list(_find(contents)) == ["b"]
    assert list(_find(contents, key="ema")) == ["a"]


def test_several_without_a_usual_name():
    contents = {"student": {"a": _tensor()}, "teacher": {"b": _tensor()}}
    with pytest.raises(ValueError, match="'student', 'teacher'.*key="):
        _find(contents)
    assert list(_find(contents, key="teacher")) == ["b"]


def test_an_unknown_key():
    with pytest.raises(ValueError, match="Did you mean 'teacher'"):
        _find({"teacher": {"b": _tensor()}}, key="teachers")


@pytest.mark.parametrize(
    "contents",
    [_tensor(), [_tensor()], {}, {"a": 1}, {"a": {"b": {"c": _tensor()}}}],
    ids=["tensor", "list", "empty", "numbers", "too deep"],
)
def test_no_dict_of_tensors(contents):
    with pytest.raises(ValueError, match="no dict of tensors"):
        _find(contents)


def test_a_dict_that_holds_itself():
    contents = {"a": _tensor()}
    contents["self"] = contents
    with pytest.raises(ValueError, match="no dict of tensors"):
        _find(contents)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "_orig_mod.module.", "module.module."]
)
def test_wrappers_are_taken_off(prefix):
    contents = {f"{prefix}fc.bias": _tensor(), f"{prefix}fc.weight": _tensor()}
    assert list(_find(contents)) == ["fc.bias", "fc.weight"]


def test_prefixes_that_not_all_share_stay():
    contents = {"module.a": _tensor(), "b": _tensor()}
    assert list(_find(contents)) == ["module.a", "b"]
