import numpy as np
import pytest

from keras_transfer.explain import evidence


def _some():
    return evidence.Evidence(
        source=evidence.DomainEvidence(
            probabilities=np.array([[0.9, 0.1], [0.2, 0.8]], "float32"),
            labels=np.array([0, 0]),
            features=np.ones((1, 3), "float32"),
            feature_rows=np.array([1]),
        ),
        target=evidence.DomainEvidence(
            images=np.zeros((1, 2, 2, 1), "uint8"), image_rows=np.array([0])
        ),
        class_names=("a", "ü"),
        notes=("No Grad-CAM: why",),
    )


def test_what_is_written_is_read(tmp_path):
    path = evidence.write(tmp_path / "run", _some())
    assert path == tmp_path / "run" / "evidence.npz"
    found = evidence.read(tmp_path / "run")
    assert found.class_names == ("a", "ü")
    assert found.notes == ("No Grad-CAM: why",)
    assert found.target.labels is None
    np.testing.assert_array_equal(
        found.source.probabilities, _some().source.probabilities
    )
    np.testing.assert_array_equal(found.source.feature_labels, [0])


def test_the_file_needs_no_pickles(tmp_path):
    with np.load(evidence.write(tmp_path, _some()), allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_accuracy_is_the_share_of_right_rows():
    assert _some().source.accuracy == 0.5
    assert _some().target.accuracy is None


def test_a_single_domain_is_called_held_out():
    assert _some().word("target") == "target"
    alone = evidence.Evidence(evidence.DomainEvidence(), _some().source)
    assert alone.word("target") == "held-out rows"


def test_no_file_no_evidence(tmp_path):
    assert evidence.read(tmp_path) is None


def test_a_newer_file_is_passed_over(tmp_path):
    np.savez(tmp_path / "evidence.npz", schema=99)
    assert evidence.read(tmp_path) is None


@pytest.mark.parametrize("contents", [b"", b"what", b"PK\x03\x04cut"])
def test_a_damaged_file_is_one_sentence(tmp_path, contents):
    (tmp_path / "evidence.npz").write_bytes(contents)
    with pytest.raises(ValueError, match="is not what record_evidence writes"):
        evidence.read(tmp_path)


def test_a_crash_leaves_the_file_whole(tmp_path, monkeypatch):
    path = evidence.write(tmp_path, _some())
    before = path.read_bytes()

    def crash(file, **arrays):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", crash)
    with pytest.raises(OSError, match="disk full"):
        evidence.write(tmp_path, _some())
    assert path.read_bytes() == before
